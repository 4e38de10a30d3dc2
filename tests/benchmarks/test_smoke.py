"""The benchmarks run and say something sane. How fast anything is, is never asserted."""

import asyncio
import base64
import gzip
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.codings import decoded
from benchmarks.goals import Ceiling, Share, Size, Throughput
from benchmarks.held import held
from benchmarks.measure import Run, check, measure
from benchmarks.model import BARE, Answer, Goal, Key, Setting, Skipped
from benchmarks.payload import orders
from benchmarks.results import results
from benchmarks.rows import settings
from benchmarks.rows.memory import EVENTS, MEMORY
from benchmarks.rows.metrics_apart import SETTINGS as APART
from benchmarks.rows.rate_limit_keys import SETTINGS as ROTATIONS

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120
FIRST_ORDER = b'[{"id":40000,"reference":"47eaa0992cb6916d86dc283cf0480ff9",'

[WSGI] = settings(["wsgi"])


def test_a_quick_run_of_one_setting(tmp_path: Path) -> None:
    data, chart = tmp_path / "run.json", tmp_path / "chart.svg"
    options = ["--quick", "--only", "wsgi", "--json", str(data), "--svg", str(chart)]
    command = [sys.executable, "-m", "benchmarks", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert WSGI.title in done.stdout

    run = json.loads(data.read_text())
    [setting] = run["settings"]
    rows = {row["name"]: row for row in setting["rows"]}
    missing = {variant.name for variant in WSGI.variants} - set(rows)
    assert missing == {row["variant"] for row in run["skipped"]}
    assert not any(name.startswith("perfkit") for name in missing)
    for name, row in rows.items():
        assert 0 < row["cost"] == min(row["series"]), name
        assert (row["added"] is None) == (name == BARE)
        assert name == BARE or row["added"] == pytest.approx(row["cost"] - rows[BARE]["cost"])
    assert run["versions"]["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")

    names = [element.text for element in ET.parse(chart).iter() if element.get("class") == "end"]
    assert names == [name for name in rows if name != BARE]


def test_a_variant_with_a_wrong_response_is_not_measured() -> None:
    bare = replace(WSGI.variants[0], expects=("x-frame-options",))
    with pytest.raises(AssertionError, match="wsgi, bare: without x-frame-options; it has content-type"):
        measure([replace(WSGI, variants=(bare,))], quick=True)


def test_a_peer_that_is_not_installed_is_skipped_with_the_reason() -> None:
    def absent() -> None:
        raise ImportError("No module named 'nobody'")

    peer = replace(WSGI.variants[0], name="nobody", side="peer", build=absent)
    run = measure([replace(WSGI, variants=(WSGI.variants[0], peer))], quick=True)
    assert set(run.series) == {Key("wsgi", BARE)}
    assert run.skipped == {Key("wsgi", "nobody"): "No module named 'nobody'"}


def test_the_cheapest_series_counts() -> None:
    run = Run(series={Key("s", "v"): [3.0, 2.0, 4.0, 1.0]})
    assert run.costs() == {Key("s", "v"): 1.0}
    assert run.costs(0, 2) == {Key("s", "v"): 3.0}


@pytest.mark.parametrize(
    ("goal", "ratio", "kept"),
    [
        (Share(of="ours", against="theirs", at_most=0.4), 0.5, False),
        (Share(of="ours", against="theirs", at_most=0.5), 0.5, True),
        (Share(of="ours", against="theirs"), 0.5, None),
        (Throughput(of="ours", at_least=0.5), 0.5, True),
        (Throughput(of="ours", at_least=0.6), 0.5, False),
        (Ceiling(of="ours", at_most=1.9), 2.0, False),
        (Ceiling(of="ours", beyond=BARE, at_most=1.0, unit="KiB"), 1.0, True),
        (Ceiling(of="ours", at_most=2.0, unit="B"), 2.0, True),
        (Ceiling(of="ours", beyond=BARE, at_most=0.9, unit="us"), 1.0, False),
        (Size(of="theirs", against="ours", at_most=1.5), 1.5, True),
        (Size(of="theirs", against="ours", at_most=1.4), 1.5, False),
    ],
)
def test_what_a_goal_comes_to(goal: Goal, ratio: float, kept: bool | None) -> None:
    costs = {Key("s", BARE): 1.0, Key("s", "ours"): 2.0, Key("s", "theirs"): 3.0}
    verdict = goal.verdict("s", costs)
    assert (verdict.ratio, verdict.kept) == (ratio, kept)


def test_a_single_series_has_no_spread() -> None:
    goal = Throughput(of="perfkit: no feature")
    series = {Key("wsgi", BARE): [1.0], Key("wsgi", "perfkit: no feature"): [2.0], Key("asgi", BARE): [1.0, 1.0]}
    run = Run(series=series, answers=dict.fromkeys(series, Answer(200, (), b"")))
    [found] = results([replace(WSGI, goals=(goal,))], run)
    [judged] = found.rows[1].judged
    assert (judged.verdict.ratio, judged.spread) == (0.5, 0)


def test_sizes_are_judged_by_the_bodies_and_have_no_spread() -> None:
    ours, bare = WSGI.variants[1].name, Key("wsgi", BARE)
    answers = {bare: Answer(200, (), b"four"), Key("wsgi", ours): Answer(200, (), b"no")}
    run = Run(series={key: [1.0, 2.0] for key in answers}, answers=answers)
    [found] = results([replace(WSGI, goals=(Size(of=ours, against=BARE, at_most=1.0),))], run)
    [judged] = found.rows[1].judged
    assert (judged.verdict.ratio, judged.verdict.kept, judged.shown_spread) == (0.5, True, "")


@pytest.mark.parametrize("ended", [True, False])
def test_a_compressed_body_that_is_cut_off_is_no_answer_unless_its_stream_is_open(ended: bool) -> None:
    body = gzip.compress(b"twice twice " * 100)
    assert decoded(Answer(200, (), body, "gzip", ended=ended)) == b"twice twice " * 100
    cut = Answer(200, (), body[:-4], "gzip", ended=ended)
    if ended:
        with pytest.raises(AssertionError, match="an incomplete gzip body"):
            decoded(cut)
    else:
        assert decoded(cut) == b"twice twice " * 100


def test_a_wrong_coding_is_no_answer() -> None:
    encoded = replace(WSGI.variants[0], coding="zstd")
    with pytest.raises(AssertionError, match="wsgi, bare: in the coding ''"):
        measure([replace(WSGI, variants=(encoded,))], quick=True)


def apart(setting: Setting) -> bool:
    """Whether it needs processes of its own: for what takes memory, or one where nothing else has configured Django."""
    return setting in (MEMORY, *ROTATIONS, *APART) or "django" in setting.name


CHECKED = settings(["compression", "conditional", "metrics", "rate-limit", "stack"])
ANSWERED = [setting for setting in CHECKED if not apart(setting)]
IN_DJANGO = [setting.name for setting in CHECKED if "django" in setting.name]


@pytest.mark.parametrize("setting", ANSWERED, ids=[setting.name for setting in ANSWERED])
def test_every_variant_answers_as_it_should(setting: Setting) -> None:
    answers: dict[Key, Answer] = {}
    for variant in setting.variants:
        try:
            driver = setting.driver(variant)
        except (ImportError, Skipped):
            assert variant.side == "peer" or "isal" in variant.name
            continue
        key = Key(setting.name, variant.name)
        answers[key] = driver.answer()
        driver.close()
        check(key, variant, answers)
    assert any(variant.side == "perfkit" for variant in setting.variants)


def test_every_variant_in_django_answers_as_it_should(tmp_path: Path) -> None:
    data = tmp_path / "run.json"
    only = [option for name in IN_DJANGO for option in ("--only", name)]
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(data), *only]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    run = json.loads(data.read_text())
    assert {setting["name"] for setting in run["settings"]} == set(IN_DJANGO)
    assert not any("perfkit" in skipped["variant"] for skipped in run["skipped"])


def test_the_memory_of_streams_is_measured_while_they_are_open() -> None:
    [perfkit] = [variant for variant in MEMORY.variants if variant.name == "perfkit: a browser"]
    found = asyncio.run(held(perfkit.build(), 2))
    assert found["coding"] == "gzip"
    assert "content-encoding" in found["names"]
    sent = decoded(Answer(200, (), base64.b64decode(found["body"]), "gzip", ended=False))
    assert sent.count(b"data: ") == EVENTS


def test_the_bodies_are_the_same_in_every_run_and_shrink_as_real_ones_do() -> None:
    body = orders(20 * 1024)
    assert body[:60] == FIRST_ORDER
    assert len(json.loads(body)) > 10
    assert 0.33 < len(zlib.compress(body, 9)) / len(body) < 0.40


def test_tables_go_between_the_markers_of_a_page() -> None:
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    filled = page.filled(text, [], Run(), {"python": "3"})
    assert filled == f"before\n{page.BEGIN}\n\nVersions: python 3.\n\n{page.END}\nafter\n"
    with pytest.raises(SystemExit):
        page.filled("no markers", [], Run(), {})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="there is no setting 'wsgj'"):
        settings(["wsgj"])
