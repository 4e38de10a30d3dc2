// Judges responses offline. Reads from stdin, by name: {url, status, headers: [[name, value]], body, route: [url]},
// where route is the way from http; writes, by name: {score, grade, results, findings}.
import { readFileSync } from "node:fs";

import { ALL_TESTS } from "@mdn/mdn-http-observatory/src/constants.js";
import { MINIMUM_SCORE_FOR_EXTRA_CREDIT } from "@mdn/mdn-http-observatory/src/grader/charts.js";
import { getGradeForScore, getScoreModifier } from "@mdn/mdn-http-observatory/src/grader/grader.js";
import { Session } from "@mdn/mdn-http-observatory/src/retriever/session.js";
import { parseHttpEquivHeaders } from "@mdn/mdn-http-observatory/src/retriever/utils.js";
import { Requests } from "@mdn/mdn-http-observatory/src/types.js";
import { AxiosHeaders } from "axios";
import evaluator from "csp_evaluator/dist/evaluator.js";
import finding from "csp_evaluator/dist/finding.js";
import parser from "csp_evaluator/dist/parser.js";

function retrieved({ url, status, headers, body, route }) {
  const response = () => {
    const fields = new AxiosHeaders();
    for (const [name, value] of headers) {
      const present = fields.get(name);
      fields.set(name, present ? `${present}, ${value}` : value);
    }
    return { headers: fields, request: { headers: new AxiosHeaders() }, status, verified: true, data: body, config: {} };
  };
  const requests = new Requests(new URL(url).hostname);
  requests.session = new Session(new URL(url));
  requests.resources.path = body;
  for (const name of ["auto", "cors", "http", "https"]) {
    requests.responses[name] = response();
  }
  requests.responses.auto.httpEquiv = parseHttpEquivHeaders(body, url);
  requests.responses.httpRedirects = route.map((each) => ({ url: new URL(each), status: 200 }));
  requests.responses.httpsRedirects = [{ url: new URL(url), status }];
  return requests;
}

// The sum that `scan` of the package makes; the rest of it asks the network.
function observatory(answer) {
  const requests = retrieved(answer);
  const outputs = ALL_TESTS.map((test) => test(requests));
  const modifiers = outputs.map((output) => getScoreModifier(output.result));
  const withoutCredit = modifiers.filter((each) => each < 0).reduce((sum, each) => sum + each, 100);
  const withCredit = modifiers.reduce((sum, each) => sum + each, 100);
  const { score, grade } = getGradeForScore(
    withoutCredit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? withCredit : withoutCredit,
  );
  const results = outputs.map((output, index) => [output.constructor.name, `${output.result} ${modifiers[index]}`]);
  return { score, grade, results: Object.fromEntries(results) };
}

function findings({ headers }) {
  return headers
    .filter(([name]) => name.toLowerCase() === "content-security-policy")
    .flatMap(([, value]) => new evaluator.CspEvaluator(new parser.CspParser(value).csp).evaluate())
    .map((each) => `${finding.Severity[each.severity]} ${each.directive}: ${each.description}`);
}

const answers = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const verdicts = answers.map(([name, answer]) => [name, { ...observatory(answer), findings: findings(answer) }]);
process.stdout.write(JSON.stringify(Object.fromEntries(verdicts)));
