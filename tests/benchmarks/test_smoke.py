"""The benchmarks run and say something sane. How fast anything is, is never asserted."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.measure import Run, measure
from benchmarks.model import BARE, Answer, Ceiling, Key, Share, Throughput
from benchmarks.results import results
from benchmarks.rows import settings

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120

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
        assert 0 < row["seconds"] == min(row["series"]), name
        assert (row["added"] is None) == (name == BARE)
        assert name == BARE or row["added"] == pytest.approx(row["seconds"] - rows[BARE]["seconds"])
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


def test_the_fastest_series_counts() -> None:
    run = Run(series={Key("s", "v"): [3.0, 2.0, 4.0, 1.0]})
    assert run.times() == {Key("s", "v"): 1.0}
    assert run.times(0, 2) == {Key("s", "v"): 3.0}


@pytest.mark.parametrize(
    ("goal", "ratio", "kept"),
    [
        (Share(of="ours", against="theirs", at_most=0.4), 0.5, False),
        (Share(of="ours", against="theirs", at_most=0.5), 0.5, True),
        (Share(of="ours", against="theirs"), 0.5, None),
        (Throughput(of="ours", at_least=0.5), 0.5, True),
        (Throughput(of="ours", at_least=0.6), 0.5, False),
        (Ceiling(of="ours", at_most=1.9), 2.0, False),
    ],
)
def test_what_a_goal_comes_to(goal: Share | Throughput | Ceiling, ratio: float, kept: bool | None) -> None:
    times = {Key("s", BARE): 1.0, Key("s", "ours"): 2.0, Key("s", "theirs"): 3.0}
    verdict = goal.verdict("s", times)
    assert (verdict.ratio, verdict.kept) == (ratio, kept)


def test_a_single_series_has_no_spread() -> None:
    goal = Throughput(of="perfkit: no feature")
    series = {Key("wsgi", BARE): [1.0], Key("wsgi", "perfkit: no feature"): [2.0], Key("asgi", BARE): [1.0, 1.0]}
    run = Run(series=series, answers=dict.fromkeys(series, Answer(200, (), b"")))
    [found] = results([replace(WSGI, goals=(goal,))], run)
    [judged] = found.rows[1].judged
    assert (judged.verdict.ratio, judged.spread) == (0.5, 0)


def test_tables_go_between_the_markers_of_a_page() -> None:
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    filled = page.filled(text, [], Run(), {"python": "3"})
    assert filled == f"before\n{page.BEGIN}\n\nVersions: python 3.\n\n{page.END}\nafter\n"
    with pytest.raises(SystemExit):
        page.filled("no markers", [], Run(), {})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="there is no setting 'wsgj'"):
        settings(["wsgj"])
