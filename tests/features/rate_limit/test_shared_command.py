"""``perfkit limits``, as a user types it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perfkit import cli
from perfkit.features.rate_limit import AddressPrefixes, Keys, Policy
from perfkit.features.rate_limit._shared import SharedStore
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import Options, done, redis_store
from tests.features.rate_limit.visits import limited, rule, statuses

SECRET = "sixteen-or-more-characters"
LOGIN = Policy("login", 5, 60)
DAILY = Policy("login-86400s", 5, 86_400, "gcra")
FLYING = Policy("export", 2, 0, "concurrent")


def address(text: str) -> bytes:
    return AddressPrefixes().partition(text)


@pytest.fixture
def store(redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedStore]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    options = Options()
    Path("perfkit.toml").write_text(f'[rate_limit]\nnamespace = "{options.namespace}"\nsecret = "{SECRET}"\n')
    store = redis_store(redis_server.uri, options)
    login = Keys(options.namespace, "login", SECRET.encode())
    for number in range(3):
        key = login.number_of(address(f"203.0.113.{number}"))
        done(store.take_all([(LOGIN, key, number + 1), (DAILY, key, 1)]))
    done(store.take_all([(FLYING, Keys(options.namespace, "export", SECRET.encode()).number_of("42", "x"), 2)]))
    yield store
    store.close()


@pytest.mark.usefixtures("store")
def test_show_counts_the_keys_of_each_policy(redis_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["limits", "show", redis_server.uri]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "export (concurrent): 1 key",
        "login (sliding, 60 s): 3 keys",
        "login-86400s (gcra, 86400 s): 3 keys",
    ]
    assert cli.main(["limits", "show", redis_server.uri, "--rule", "export"]) == 0
    assert capsys.readouterr().out.splitlines() == ["export (concurrent): 1 key"]


RULES = """
[[rate_limit.rules]]
name = "login"
limits = "5/minute, 5/day"
algorithm = "gcra"
ban = { after = 3, for = 900 }

[[rate_limit.rules]]
name = "export"
limits = "2 concurrent"
"""


def test_show_says_what_a_key_has_taken_and_what_remains(
    redis_server: Server, store: SharedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("perfkit.toml")
    path.write_text(path.read_text() + RULES)
    namespace = path.read_text().split('"')[1]
    key = Keys(namespace, "login", SECRET.encode()).number_of(address("203.0.113.2"))
    fast, ban = Policy("login-60s", 5, 60, "gcra"), Policy("login-ban", 1, 900, "gcra")
    done(store.take_all([(fast, key, 3), (Policy("login-refusals", 3, 900, jitter=False), key, 2)]))
    show = ["limits", "show", redis_server.uri, "--rule"]
    assert cli.main([*show, "login", "--key", "ip:203.0.113.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ["login", "login-60s", "login-86400s", "login-ban", "login-refusals"]
    assert [line.split(" (")[0] for line in lines] == names
    assert lines[0].startswith("login (sliding, 60 s): 3 taken, and 0 in the window before; ")
    assert lines[0].endswith("; what remains is not known, as the settings have no such limit")
    assert lines[1].startswith("login-60s (gcra, 60 s): 3 taken, 2 of 5 remaining; all of it in 3")
    assert lines[2].startswith("login-86400s (gcra, 86400 s): 1 taken, 4 of 5 remaining; all of it in 17")
    assert lines[3] == "login-ban (gcra, 900 s): not banned"
    assert lines[4].startswith("login-refusals (sliding, 900 s): 2 taken, 1 of 3 remaining; all of it in ")
    done(store.settle(ban, key, 2))
    done(store.settle(fast, key, 12))
    assert cli.main([*show, "login", "--key", "ip:203.0.113.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("login-60s (gcra, 60 s): 5 taken, 0 of 5 remaining; in debt for 1")
    assert lines[3] == "login-ban (gcra, 900 s): banned for 900 s"
    assert cli.main([*show, "export", "--key", "42", "--key", "x"]) == 0
    assert capsys.readouterr().out == "export (concurrent): 2 in flight, 0 of 2 remaining\n"
    assert cli.main([*show, "export", "--key", "nobody"]) == 0
    assert capsys.readouterr().out == "export (concurrent): 0 in flight, 2 of 2 remaining\n"


@pytest.mark.usefixtures("store")
def test_show_says_of_limits_that_the_settings_do_not_have_what_was_taken(
    redis_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    show = ["limits", "show", redis_server.uri, "--rule"]
    assert cli.main([*show, "login", "--key", "ip:203.0.113.2"]) == 0
    sliding, gcra = capsys.readouterr().out.splitlines()
    assert sliding.startswith("login (sliding, 60 s): 3 taken, and 0 in the window before; forgotten in ")
    assert gcra.startswith("login-86400s (gcra, 86400 s): the whole quota is free in 17")
    assert cli.main([*show, "export", "--key", "42", "--key", "x"]) == 0
    assert "2 in flight; free in " in capsys.readouterr().out
    assert cli.main([*show, "login", "--key", "ip:203.0.113.200"]) == 0
    assert capsys.readouterr().out.startswith("Nothing of this is counted")


def test_reset_forgets_one_key(store: SharedStore, redis_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["limits", "reset", redis_server.uri, "--rule", "login", "--key", "ip:::ffff:203.0.113.2"]) == 0
    assert capsys.readouterr().out.startswith("Reset 2 keys in the namespace ")
    assert len(list(store.backend.keys)) == 5  # type: ignore[attr-defined]


def test_reset_forgets_a_rule_or_all(
    store: SharedStore, redis_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    other = redis_store(redis_server.uri)
    done(other.take_all([(LOGIN, 1 << 63, 1)]))
    assert cli.main(["limits", "reset", redis_server.uri, "--rule", "export"]) == 0
    assert capsys.readouterr().out.startswith("Reset 1 key in ")
    assert cli.main(["limits", "reset", redis_server.uri, "--all"]) == 0
    assert capsys.readouterr().out.startswith("Reset 6 keys in ")
    assert list(store.backend.keys) == []  # type: ignore[attr-defined]
    assert not done(other.peek(LOGIN, 1 << 63, 5)).allowed
    namespace = next(iter(other.backend.keys)).name.split("}")[0][1:]  # type: ignore[attr-defined]
    assert cli.main(["limits", "show", redis_server.uri, "--namespace", namespace]) == 0
    assert capsys.readouterr().out == "login (sliding, 60 s): 1 key\n"
    other.close()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reset", "redis://127.0.0.1:1"], "say what to reset"),
        (["show", "redis://127.0.0.1:1", "--key", "ip:::1"], "a key is one of a rule"),
        (["show", "redis://u:secret@127.0.0.1:1/0"], "redis://127.0.0.1:1/0 does not answer"),
        (["reset", "redis://127.0.0.1:1", "--all"], "does not answer"),
        (["show", "memcached://127.0.0.1"], "cannot be looked into"),
        (["show", "redis://127.0.0.1:port"], "write for example 'redis://localhost:6379/0'"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["limits", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error


@pytest.mark.parametrize(
    ("key", "given", "typed"),
    [
        ("ip", {"client": "2001:db8::7"}, ["ip:2001:db8::9"]),
        ("header:X-Api-Key", {"request_headers": [("X-Api-Key", "abc")]}, ["abc"]),
        (["ip", "user"], {"client": "192.0.2.7", "user": "ada"}, ["ip:192.0.2.7", "ada"]),
        (lambda exchange: "shop", {}, ["shop"]),
    ],
)
def test_what_the_feature_counts_is_found_by_its_key(
    key, given, typed, redis_server: Server, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    options = {"namespace": Options().namespace, "secret": SECRET}
    Path("perfkit.toml").write_text(
        "[rate_limit]\n"
        + "".join(f'{name} = "{value}"\n' for name, value in options.items())
        + '[[rate_limit.rules]]\nname = "api"\nlimits = "5/hour"\n'
    )
    feature = limited(rule("5/hour", "api", key=key, jitter=True), store=redis_server.uri, store_timeout=20, **options)
    statuses(feature, 2, **given)
    feature.store.close()  # type: ignore[attr-defined]
    keys = [word for part in typed for word in ("--key", part)]
    assert cli.main(["limits", "show", redis_server.uri, "--rule", "api", *keys]) == 0
    assert capsys.readouterr().out.startswith("api (sliding, 3600 s): 2 taken, 3 of 5 remaining; all of it in ")
