// Node's own fetch: writes the response's Content-Encoding on a line, and then the body as it comes.
//
//     node fetch.mjs http://127.0.0.1:8000/live/first gzip

const [url, coding] = process.argv.slice(2);
const headers = coding ? { "Accept-Encoding": coding } : {};
const response = await fetch(url, { headers, signal: AbortSignal.timeout(60_000) });
process.stdout.write(`${response.headers.get("content-encoding") ?? ""}\n`);
for await (const chunk of response.body) {
    process.stdout.write(chunk);
}
