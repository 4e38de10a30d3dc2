"""The command, as a user types it."""

import subprocess
import sys
from pathlib import Path

import pytest

from perfkit import cli


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


def test_config_prints_the_stack_in_order(capsys):
    assert cli.main(["config"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line[:1].isdigit()] == [
        "1  metrics",
        "2  timing",
        "3  security_headers",
        "4  compression",
        "5  conditional_get",
        "6  the application",
    ]
    assert "cpu = False" in lines
    assert "-  client" in lines


def test_config_reads_file_and_environment(capsys, monkeypatch):
    Path("perfkit.toml").write_text("[timing]\ncpu = true\n")
    monkeypatch.setenv("PERFKIT_SECURITY_HEADERS", "false")
    assert cli.main(["config"]) == 0
    out = capsys.readouterr().out
    assert "cpu = True" in out
    assert "security_headers" in out.partition("Off: ")[2].partition("\n")[0]
    assert "perfkit.toml" in out
    assert "PERFKIT_SECURITY_HEADERS" in out


def test_config_hides_the_token(capsys, monkeypatch):
    monkeypatch.setenv("PERFKIT_INTERNAL__TOKEN", "a-very-secret-token")
    assert cli.main(["config"]) == 0
    out = capsys.readouterr().out
    assert "token = <hidden>" in out
    assert "a-very-secret-token" not in out


def test_config_says_what_is_wrong(capsys):
    Path("perfkit.toml").write_text("[timing]\ncpus = true\n")
    assert cli.main(["config"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("perfkit: timing.cpus: ")
    assert "Traceback" not in err


def test_config_reads_a_django_project(tmp_path):
    (tmp_path / "project_settings.py").write_text("PERFKIT = {'timing': {'response_time': True}}\n")
    command = [sys.executable, "-m", "perfkit", "config"]
    env = {"DJANGO_SETTINGS_MODULE": "project_settings", "PATH": ""}
    shown = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    assert "response_time = True" in shown
    assert "PERFKIT" in shown


def test_config_names_a_django_project_that_cannot_be_imported(tmp_path):
    command = [sys.executable, "-m", "perfkit", "config"]
    env = {"DJANGO_SETTINGS_MODULE": "no_such_module", "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no_such_module" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_is_needed(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main([])
    assert exit_.value.code == 2
    assert "command" in capsys.readouterr().err


def test_the_demo_says_what_it_lacks(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "perfkit._demo", raising=False)
    assert cli.main(["demo"]) == 2
    assert "pip install 'perfkit[demo]'" in capsys.readouterr().err
