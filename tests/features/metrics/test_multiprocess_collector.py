"""What several processes counted is shown as prometheus-client's own collector shows it."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from perfkit.features.metrics._exposition import Exposition
from perfkit.features.metrics._multiprocess_collector import MultiprocessCollector
from perfkit.features.metrics._multiprocess_files import MultiprocessFiles
from tests.features.metrics.processes import Process, collected, key, values
from tests.features.metrics.scrapes import OPENMETRICS, families, samples, scrape


@pytest.fixture(autouse=True)
def _ended():
    yield
    Process.end_all()


@pytest.fixture
def exposition(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return Exposition()


BOUNDS = ["0.1", "1.0", "10.0", "+Inf"]
LABELS = st.fixed_dictionaries({"to": st.sampled_from(["a", "b", 'c"\n\\', "\ud800"])})
COUNTED = st.tuples(st.sampled_from(["counter", "summary"]), st.just("made"), LABELS, st.integers(0, 9))
BUCKET = st.tuples(st.just("histogram"), st.just("took"), LABELS, st.sampled_from(BOUNDS))
LEVEL = st.tuples(
    st.sampled_from([f"gauge_{live}{mode}" for live in ("", "live") for mode in ("all", "sum", "max", "min")]),
    st.just("level"),
    LABELS,
    st.integers(0, 9),
)
WRITTEN = st.lists(st.tuples(st.integers(1, 3), st.one_of(COUNTED, BUCKET, LEVEL)), max_size=30)


def write(process, kind, metric, labels, more):
    metric = f"{metric}_{kind}"
    if kind == "histogram":
        labels = {**labels, "le": more}
    name = {"counter": f"{metric}_total", "summary": f"{metric}_count", "histogram": f"{metric}_bucket"}.get(
        kind, metric
    )
    made = mmap_key(metric, name, list(labels), list(labels.values()), "Help.")
    process.add(1 if kind == "histogram" else more, kind, made)


@given(WRITTEN)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_values_are_those_of_the_clients_own(tmp_path_factory, written):
    folder = tmp_path_factory.mktemp("files")
    processes = {pid: Process(folder, pid) for pid in (1, 2, 3)}
    for pid, entry in written:
        write(processes[pid], *entry)
    ours = collected(MultiprocessFiles(folder))
    theirs = list(MultiProcessCollector(None, str(folder)).collect())
    assert values(ours) == values(theirs)
    assert {(one.name, one.type, one.documentation) for one in ours} == {
        (one.name, one.type, one.documentation) for one in theirs
    }
    Process.end_all()


def test_a_histogram_is_whole_in_openmetrics(exposition, tmp_path):
    """Its parser refuses buckets that do not grow, and values of different labels that are mixed."""
    for pid in (1, 2):
        process = Process(tmp_path, pid)
        for to in ("a", "b"):
            for bound in reversed(BOUNDS):
                process.add(pid, "histogram", key("took", "took_bucket", {"to": to, "le": bound}))
        for to in ("a", "b"):
            process.add(0.5, "histogram", key("took", "took_sum", {"to": to}))
    read = samples(scrape(exposition, Accept=OPENMETRICS))
    for to in ("a", "b"):
        assert read["took_bucket", (("le", "1.0"), ("to", to))] == 6
        assert read["took_count", (("to", to),)] == 12
        assert read["took_sum", (("to", to),)] == 1


def test_a_help_that_changed_makes_no_second_series(exposition, tmp_path):
    """Of a release that went on with the files of the one before."""
    Process(tmp_path, 1).add(1, "counter", key(text="Old."))
    Process(tmp_path, 2).add(2, "counter", key(text="New."))
    assert samples(scrape(exposition)) == {("made_total", ()): 3}


def test_only_what_is_asked_for(exposition, tmp_path):
    Process(tmp_path, 1).add(1)
    Process(tmp_path, 1).add(1, "summary", key("other", "other_sum"))
    assert set(families(scrape(exposition, "/metrics?name[]=made_total"))) == {"made"}


def test_a_lone_surrogate_in_a_file(exposition, tmp_path):
    Process(tmp_path, 1).add(1, "counter", key(labels={"to": "\ud800"}))
    assert len(samples(scrape(exposition))) == 1


def test_a_directory_that_is_gone_is_told_of_and_fails_no_scrape(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    exposition = Exposition()
    folder.rmdir()
    for _ in range(2):
        assert scrape(exposition).status == 200
    assert len(caplog.records) == 1
    assert "MultiprocessCollector" in caplog.text


def test_a_live_gauge_that_goes_while_it_is_read(tmp_path, monkeypatch):
    """prometheus-client's own `mark_process_dead` deletes it, and takes no lock."""
    files = MultiprocessFiles(tmp_path)
    for pid in (1, os.getpid()):
        Process(tmp_path, pid).set(1, "gauge_livesum")
    entries = files._entries

    def vanishing(path):
        if path.name == "gauge_livesum_1.db":
            path.unlink()
        return entries(path)

    monkeypatch.setattr(files, "_entries", vanishing)
    assert list(values(MultiprocessCollector(files).collect()).values()) == [1]
