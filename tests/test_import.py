"""What `import perfkit` costs and pulls in."""

import subprocess
import sys

FRAMEWORKS = set("asgiref django fastapi flask litestar prometheus_client rich sqlalchemy starlette".split())


def imported_by(statement: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "-c", statement]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in report.splitlines()}


def test_perfkit_and_its_protocol_hosts_import_no_framework():
    modules = imported_by("import perfkit, perfkit.asgi, perfkit.wsgi")
    assert "msgspec" in modules  # so the report was read right
    assert modules.isdisjoint(FRAMEWORKS)


def test_perfkit_imports_no_event_loop_before_it_is_needed():
    assert "ssl" not in imported_by("import perfkit")
