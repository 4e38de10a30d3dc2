"""The files of ended processes: folded into archives, without losing or doubling a count, whatever happens."""

import fcntl
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from perfkit import ConfigurationError
from perfkit.features.metrics import _multiprocess_files as files
from perfkit.features.metrics._multiprocess_files import MultiprocessFiles, multiprocess_directory
from perfkit.features.metrics._multiprocess_ids import runs
from tests.features.metrics.processes import Machine, Process, collected, key, values

OWN = os.getpid()


@pytest.fixture(autouse=True)
def _ended():
    yield
    Process.end_all()


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Processes 1 and 2 and this one, each with a file and a count of 1, 10 and 100."""
    made = Machine(tmp_path, monkeypatch, own=OWN)
    for pid, amount in ((1, 1), (2, 10), (OWN, 100)):
        (made.running.get(pid) or made.start(pid)).add(amount)
    return made


class TestDirectory:
    def test_none_is_named(self):
        assert multiprocess_directory({}) is None
        assert multiprocess_directory({"prometheus_multiproc_dir": "/tmp"}) is None

    def test_one_is_named(self, tmp_path):
        assert multiprocess_directory({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}) == tmp_path

    @pytest.mark.parametrize("name", ["", "missing", "file"])
    def test_it_has_to_be_there(self, tmp_path, name):
        (tmp_path / "file").touch()
        given = str(tmp_path / name) if name else ""
        with pytest.raises(ConfigurationError, match=r"^PROMETHEUS_MULTIPROC_DIR: .* is not a directory; create it"):
            multiprocess_directory({"PROMETHEUS_MULTIPROC_DIR": given})

    def test_it_has_to_be_writable(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # root may write everywhere
        with pytest.raises(ConfigurationError, match=r"^PROMETHEUS_MULTIPROC_DIR: .* cannot be written"):
            multiprocess_directory({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})


class TestFolding:
    def test_a_scrape_folds_who_has_ended(self, machine):
        machine.kill(1)
        machine.kill(2)
        assert machine.total() == 111
        assert machine.everything() == {"counter_archive.db", f"counter_{OWN}.db"}
        assert machine.total() == 111

    def test_who_runs_keeps_its_files(self, machine):
        assert machine.total() == 111
        assert machine.everything() == {"counter_1.db", "counter_2.db", f"counter_{OWN}.db"}

    def test_an_archive_grows(self, machine):
        for _ in range(3):
            machine.kill(1)
            machine.total()
            machine.start(1).add(1)
        assert machine.total() == 114
        assert len(machine.names()) == 4

    def test_a_server_buries_one_worker(self, machine):
        machine.kill(1)
        machine.kill(2)
        assert machine.files.bury({1})
        assert machine.everything() == {"counter_archive.db", "counter_2.db", f"counter_{OWN}.db"}
        assert machine.total() == 111

    def test_a_worker_that_runs_is_not_buried(self, machine):
        """Its id was given to a new process."""
        assert machine.files.bury({1})
        assert "counter_1.db" in machine.names()

    def test_an_outsider_folds_nothing(self, machine):
        """It may be in another container, where the ids of these processes mean nothing."""
        machine.kill(OWN)
        (machine.folder / f"counter_{OWN}.db").rename(machine.folder / "counter_3.db")
        machine.kill(1)
        machine.kill(2)
        assert machine.total() == 111
        assert machine.everything() == {"counter_1.db", "counter_2.db", "counter_3.db"}

    def test_who_numbers_its_processes_in_another_way_folds_nothing(self, machine):
        """The number of a worker of uWSGI may be the id of another one."""
        machine.running[OWN].end()
        machine.kill(1)
        assert machine.total() == 111
        assert "counter_1.db" in machine.names()

    def test_where_the_system_does_not_tell_of_open_files_the_name_counts(self, machine, monkeypatch):
        monkeypatch.setattr(files, "open_files", lambda: None)
        machine.running[OWN].end()
        machine.kill(1)
        assert machine.total() == 111
        assert "counter_1.db" not in machine.names()

    def test_a_file_that_is_deleted_before_it_can_be_folded(self, machine, monkeypatch):
        """By prometheus-client's own `mark_process_dead`."""
        machine.kill(1)
        (machine.folder / "gauge_livesum_1.db").touch()
        claim = machine.files._claim

        def late(path, process):
            if path.name.startswith("gauge"):
                path.unlink()
            claim(path, process)

        monkeypatch.setattr(machine.files, "_claim", late)
        assert machine.total() == 111

    def test_names_that_are_no_process_ids_are_left_alone(self, machine):
        names = {"uwsgi-3", "٣", "²", "007", "20261121190700"}
        for name in names:
            Process(machine.folder, name).add(1000)
        assert machine.total() == 5111
        assert {f"counter_{name}.db" for name in names} <= machine.names()

    def test_other_files_are_left_alone(self, machine):
        for name in ("notes.db", "counter_.db", "other_1.db", "counter_1.db.bak"):
            (machine.folder / name).write_text("mine")
        machine.kill(1)
        assert machine.total() == 111
        assert {"notes.db", "counter_.db", "other_1.db", "counter_1.db.bak"} <= machine.everything()

    def test_labels_and_kinds_stay_apart(self, machine):
        names = [key(labels={"to": "a"}), key(labels={"to": "b"}), key("took", "took_sum")]
        for name in names:
            machine.running[1].add(5, "summary", name)
            machine.running[2].add(7, "summary", name)
        before = values(collected(machine.files))
        machine.kill(1)
        assert values(collected(machine.files)) == before
        assert machine.names("summary*") == {"summary_archive.db", "summary_2.db"}

    def test_the_clients_own_collector_reads_archives(self, machine):
        for pid in (1, 2):
            machine.running[pid].add(pid, "histogram", key("took", "took_bucket", {"le": "1.0"}))
            machine.running[pid].add(pid, "gauge_sum", key("lent", "lent"))
            machine.running[pid].add(pid, "gauge_max", key("high", "high"))
        machine.kill(1)
        machine.kill(2)
        ours = values(collected(machine.files))
        assert machine.names() >= {"counter_archive.db", "histogram_archive.db", "gauge_sum_archive.db"}
        assert values(MultiProcessCollector(None, str(machine.folder)).collect()) == ours


class TestIds:
    def test_processes_that_run(self):
        assert runs(OWN)
        assert runs(os.getppid())

    def test_a_process_that_has_ended(self):
        done = subprocess.Popen(("true",))
        done.wait()
        assert not runs(done.pid)

    def test_a_process_of_somebody_else_runs(self, monkeypatch):
        def refused(process, number):
            raise PermissionError

        monkeypatch.setattr(os, "kill", refused)
        assert runs(1)


class TestGauges:
    @pytest.mark.parametrize(
        ("mode", "expected"), [("sum", 12), ("max", 7), ("min", 2), ("mostrecent", 3), ("livesum", 2), ("livemax", 2)]
    )
    def test_what_the_ended_leave(self, tmp_path, monkeypatch, mode, expected):
        machine = Machine(tmp_path, monkeypatch, own=OWN)
        for pid, value, stamp in ((1, 3, 20), (2, 7, 10), (OWN, 2, 5)):
            (machine.running.get(pid) or machine.start(pid)).set(value, f"gauge_{mode}", stamp)
        machine.kill(1)
        machine.kill(2)
        for _ in range(2):
            assert machine.total() == expected
        assert len(machine.names()) == (1 if "live" in mode else 2)

    def test_series_for_each_process_stay(self, tmp_path, monkeypatch):
        machine = Machine(tmp_path, monkeypatch, own=OWN)
        for pid in (1, OWN):
            (machine.running.get(pid) or machine.start(pid)).set(3, "gauge_all")
            machine.running[pid].set(3, "gauge_liveall")
        machine.kill(1)
        assert machine.total() == 9
        assert machine.names() == {"gauge_all_1.db", f"gauge_all_{OWN}.db", f"gauge_liveall_{OWN}.db"}


class TestReuse:
    """A new process may get the id of one that ended, at any moment."""

    def reborn(self, machine, monkeypatch, at):
        """The file of process 1, opened by a new process just when it is looked whether 1 runs, the first or the
        second time."""
        machine.kill(1)
        born: list[Process] = []
        looks: list[bool] = []

        def runs(pid):
            if pid != 1:
                return machine.runs(pid)
            looks.append(bool(born))
            if len(looks) == at:
                process = Process(machine.folder, 1)
                process.add(1000)
                born.append(process)
            return looks[-1] if len(looks) == 1 else bool(born)

        monkeypatch.setattr(files, "runs", runs)
        return born

    def test_it_has_opened_the_old_file(self, machine, monkeypatch):
        """After the first look and before the file is claimed."""
        born = self.reborn(machine, monkeypatch, at=1)
        assert machine.total() == 1111
        born[0].add(1)
        assert machine.total() == 1112
        assert machine.everything() == {"counter_1.db", "counter_2.db", f"counter_{OWN}.db"}

    def test_it_has_opened_a_new_file(self, machine, monkeypatch):
        """After the file was claimed and before the second look."""
        born = self.reborn(machine, monkeypatch, at=2)
        assert machine.total() == 1111
        born[0].add(1)
        assert machine.total() == 1112
        assert "counter_archive.db" in machine.names()

    def test_a_crash_while_the_file_is_given_back(self, machine, monkeypatch):
        born = self.reborn(machine, monkeypatch, at=1)
        unlink = Path.unlink
        monkeypatch.setattr(Path, "unlink", crash)
        with pytest.raises(Crash):
            machine.files.read()
        monkeypatch.setattr(Path, "unlink", unlink)
        assert machine.total() == 1111
        born[0].add(1)
        assert machine.total() == 1112


class Crash(BaseException):
    """The process is killed here: nothing of it runs after."""


def crash(*_, **__):
    raise Crash


STEPS = [(Path, "rename"), (Path, "unlink"), (Path, "touch"), (Path, "hardlink_to"), (MmapedDict, "write_value")]


class CrashAt:
    """Kills the process before that step of those that change the disk."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __enter__(self):
        self.patched = pytest.MonkeyPatch()
        for owner, name in STEPS:
            self.patched.setattr(owner, name, self._stepping(getattr(owner, name)))
        return self

    def __exit__(self, *_):
        self.patched.undo()

    def _stepping(self, step):
        def stepping(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise Crash
            return step(*arguments, **options)

        return stepping


class TestCrashes:
    @pytest.mark.parametrize("next_one", ["scrape", "hook"])
    def test_a_crash_at_any_step_neither_loses_nor_doubles(self, tmp_path, monkeypatch, next_one):
        step, crashed = 0, True
        while crashed:
            folder = tmp_path / str(step)
            folder.mkdir()
            machine = Machine(folder, monkeypatch, own=OWN)
            for pid, amount in ((1, 1), (2, 10), (3, 100), (OWN, 1000)):
                process = machine.running.get(pid) or machine.start(pid)
                process.add(amount)
                process.add(amount, "summary", key("other"))
                process.set(5, "gauge_livesum")
            machine.kill(1)
            machine.files.bury({1})
            machine.kill(2)
            machine.kill(3)
            try:
                with CrashAt(step):
                    machine.files.read()
                crashed = False
            except Crash:
                if next_one == "hook":
                    machine.files.bury({2, 3})
            for _ in range(2):
                assert machine.total() == 2222 + 5
                assert len(machine.everything()) == 5
            step += 1
        assert step > 15

    def test_a_crash_while_clearing_up_after_a_crash(self, tmp_path, monkeypatch):
        for first in range(20):
            for second in range(10):
                folder = tmp_path / f"{first}-{second}"
                folder.mkdir()
                machine = Machine(folder, monkeypatch, own=OWN)
                for pid, amount in ((1, 1), (2, 10), (OWN, 100)):
                    (machine.running.get(pid) or machine.start(pid)).add(amount)
                machine.kill(1)
                machine.kill(2)
                for step in (first, second):
                    with suppress(Crash), CrashAt(step):
                        machine.files.read()
                assert machine.total() == 111

    def test_what_is_read_is_right_while_another_is_in_the_middle(self, machine):
        """The other one holds the lock, so that the reader waits."""
        machine.kill(1)
        entered, go_on, totals = threading.Event(), threading.Event(), []
        finish = machine.files._finish

        def slow():
            entered.set()
            assert go_on.wait(20)
            finish()

        machine.files._finish = slow
        folding = threading.Thread(target=machine.files.bury, args=({1},))
        folding.start()
        assert entered.wait(20)
        other = MultiprocessFiles(machine.folder)
        reading = threading.Thread(
            target=lambda: totals.append(sum(entry[1] for one in other.read() for entry in one.entries))
        )
        reading.start()
        reading.join(0.05)
        assert not totals
        go_on.set()
        reading.join(20)
        folding.join(20)
        assert totals == [111]


class TestLock:
    def test_a_server_does_not_wait_for_a_scrape(self, machine):
        machine.kill(1)
        with (machine.folder / files.LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert not machine.files.bury({1})
            assert "counter_1.db" in machine.names()
        assert machine.files.bury({1})
        assert "counter_1.db" not in machine.names()

    def test_the_lock_is_let_go_after_an_error(self, machine, monkeypatch):
        monkeypatch.setattr(machine.files, "_clear_up", crash)
        with pytest.raises(Crash):
            machine.files.read()
        monkeypatch.undo()
        assert machine.files.bury(())

    def test_a_process_that_was_forked_meanwhile_does_not_hold_the_lock(self, machine, monkeypatch):
        """It has the descriptor too, and keeps it open."""
        opened, duplicates = [], []
        open_ = os.open

        def opening(*arguments):
            opened.append(open_(*arguments))
            return opened[-1]

        monkeypatch.setattr(os, "open", opening)
        monkeypatch.setattr(machine.files, "_clear_up", lambda: duplicates.append(os.dup(opened[-1])))
        machine.files.read()
        try:
            assert MultiprocessFiles(machine.folder).bury(())
        finally:
            os.close(duplicates[0])

    def test_files_need_not_be_there_any_more_when_they_are_gone_through(self, machine):
        readings = machine.files.read()
        machine.kill(1)
        machine.kill(2)
        machine.files.read()
        assert sum(value for reading in readings for _, value, _ in reading.entries) == 111


class TestDamage:
    def test_a_file_that_was_only_just_created(self, machine):
        (machine.folder / "counter_7.db").touch()
        machine.start(7)
        assert machine.total() == 111

    def test_a_damaged_file_takes_nothing_from_the_others(self, machine, caplog):
        machine.running[1].add(5, "counter", key("other"))
        damage(machine.folder / "counter_1.db")
        for _ in range(2):
            assert machine.total() == 111
        assert len(caplog.records) == 1
        assert "counter_1.db" in caplog.text

    def test_a_damaged_file_is_folded_as_far_as_it_can_be_read(self, machine):
        machine.running[1].add(5, "counter", key("other"))
        damage(machine.folder / "counter_1.db")
        machine.kill(1)
        for _ in range(2):
            assert machine.total() == 111
        assert "counter_1.db" not in machine.everything()

    def test_a_key_that_nobody_wrote(self, machine):
        machine.running[1].add(5, "counter", "[1, 2]")
        machine.running[1].add(5, "counter", "{")
        machine.running[1].add(5, "counter", '["made", "made_total", 5, "Made."]')
        assert machine.total() == 111


def damage(path):
    """Make the second entry one that is longer than the file."""
    with path.open("r+b") as file:
        file.seek(8)
        length = int.from_bytes(file.read(4), "little")
        second = 8 + 4 + length + (8 - (length + 4) % 8) + 16
        file.seek(second)
        file.write((10**6).to_bytes(4, "little"))


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(1, 4), st.integers(1, 5)),
        st.tuples(st.just("kill"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("scrape"), st.just(0), st.just(0)),
        st.tuples(st.just("bury"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("crash"), st.just(0), st.integers(0, 20)),
    ),
    max_size=40,
)


@given(ACTIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_totals_are_exact_whatever_comes(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("files")
    total = 0
    with pytest.MonkeyPatch.context() as patched:
        machine = Machine(folder, patched, own=OWN)
        machine.running[OWN].add(0)
        for action, number, more in actions:
            if action == "count":
                (machine.running.get(number) or machine.start(number)).add(more)
                total += more
            elif action == "kill" and number in machine.running:
                machine.kill(number)
            elif action == "bury":
                machine.files.bury({number})
            elif action == "crash":
                with suppress(Crash), CrashAt(more):
                    machine.files.read()
            elif action == "scrape":
                assert machine.total() == total
        assert machine.total() == total
        # One file for each that runs, and the archive.
        assert len(machine.everything()) <= len(machine.running) + 1
    Process.end_all()
