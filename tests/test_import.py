"""What `import perfkit` gives, and what it pulls in: no framework, and no part of perfkit before it is used."""

import ast
import os
import pickle
import pydoc
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import perfkit
from perfkit.features import FEATURES

FRAMEWORKS = set("asgiref django fastapi flask litestar prometheus_client rich sqlalchemy starlette".split())
# Of the standard library and beyond, what takes long to load; a program may well do without.
HEAVY = set(
    "asyncio dataclasses datetime decimal email hashlib http inspect ipaddress json logging msgspec pathlib random "
    "socket ssl tomllib urllib uuid".split()
)
ON = {entry.section for entry in FEATURES if entry.enabled}
# The sections that turn all features off.
OFF = dict.fromkeys(sorted(ON), False)


def printed_by(code: str, **environ: str) -> str:
    """What a new process prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def imported_by(statement: str, **environ: str) -> set[str]:
    """The modules that this imports in a new process."""
    code = f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    return set(printed_by(code, **environ).split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def features(modules: set[str]) -> set[str]:
    """The sections of the features among them."""
    return {entry.section for entry in FEATURES if f"perfkit.features.{entry.section}" in modules}


def settings(mapping: object) -> str:
    return f"from perfkit import Settings; Settings.load({mapping!r})"


class TestImports:
    def test_of_perfkit_are_no_part_of_it_and_nothing_heavy(self):
        modules = imported_by("import perfkit")
        assert {name for name in modules if name.startswith("perfkit")} == {"perfkit"}
        assert packages(modules).isdisjoint(HEAVY | FRAMEWORKS)

    def test_of_the_protocol_hosts_are_no_framework_and_no_feature(self):
        modules = imported_by("import perfkit.asgi, perfkit.wsgi")
        assert "msgspec" in modules  # so the report was read right
        assert packages(modules).isdisjoint(FRAMEWORKS)
        assert not features(modules)
        assert "perfkit.reports" not in modules

    def test_of_a_stack_without_settings_are_the_features_that_are_on(self):
        modules = imported_by("from perfkit.wsgi import PerfkitMiddleware; PerfkitMiddleware(print, {})")
        assert features(modules) == ON
        # Metrics are on where prometheus-client is, which needs modules of its own.
        modules = imported_by(
            "from perfkit.wsgi import PerfkitMiddleware; PerfkitMiddleware(print, {'metrics': False})"
        )
        assert features(modules) == ON - {"metrics"}
        assert packages(modules).isdisjoint({*FRAMEWORKS, "asyncio", "difflib", "json", "random", "ssl", "tomllib"})
        assert "perfkit.reports" not in modules

    def test_of_names_that_are_no_feature_are_no_feature(self):
        names = set(perfkit.__all__) - {entry.name for entry in FEATURES}
        assert not features(imported_by(f"from perfkit import {', '.join(names)}"))

    @pytest.mark.parametrize("entry", FEATURES, ids=lambda entry: entry.section)
    def test_of_a_feature_are_no_other(self, entry):
        assert features(imported_by(f"from perfkit import {entry.name}")) == {entry.section}

    def test_of_decorators_for_views_are_no_rate_limit_before_there_is_one(self):
        configured = "from django.conf import settings; settings.configure()"
        modules = imported_by(f"{configured}; import perfkit.django, perfkit.flask, perfkit.starlette")
        assert packages(modules) >= {"django", "flask", "starlette"}
        assert "rate_limit" not in features(modules)
        assert "perfkit.reports" not in modules


class TestSettingsImport:
    def test_no_feature_that_is_off(self):
        assert features(imported_by(settings(OFF))) == set()
        assert features(imported_by(settings(OFF | {"timing": True}))) == {"timing"}

    def test_a_feature_whose_section_is_set(self):
        assert features(imported_by(settings(OFF | {"rate_limit": {}}))) == {"rate_limit"}

    def test_no_feature_for_a_variable_that_says_on_or_off(self):
        modules = imported_by(settings({}), PERFKIT_COMPRESSION="no", PERFKIT_RATE_LIMIT="0")
        assert features(modules) == ON - {"compression"}

    def test_one_feature_for_a_variable_inside_its_section(self):
        assert features(imported_by(settings(OFF), PERFKIT_RATE_LIMIT__NAMESPACE="a")) == {"rate_limit"}

    def test_no_feature_to_tell_what_was_meant(self):
        statement = f"from perfkit import Settings; assert len(Settings.problems({OFF | {'timng': 1}})) == 3"
        variables = {"PERFKIT_TIMNG__CPU": "1", "PERFKIT_COMPRESION": "1", "PERFKIT_PORT": "1"}
        assert features(imported_by(statement, **variables)) == set()


class TestNames:
    def test_are_where_type_checkers_are_told(self):
        tree = ast.parse(Path(perfkit.__file__).read_text("utf-8"))
        (told,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
        names: dict[str, object] = {}
        for statement in told.body:
            assert isinstance(statement, ast.ImportFrom)
            assert statement.module is not None
            names |= {alias.name: getattr(import_module(statement.module), alias.name) for alias in statement.names}
        assert names == {name: getattr(perfkit, name) for name in perfkit.__all__}

    def test_are_all_that_can_be_imported(self):
        assert sorted(perfkit._MODULES) == perfkit.__all__
        found: dict[str, object] = {}
        exec("from perfkit import *", found)
        assert found.keys() - {"__builtins__"} == set(perfkit.__all__)

    def test_that_do_not_exist_are_errors_as_of_any_module(self):
        with pytest.raises(AttributeError, match="module 'perfkit' has no attribute 'Speed'"):
            perfkit.Speed  # type: ignore[attr-defined] # noqa: B018 - which also holds that type checkers see it
        with pytest.raises(ImportError, match="cannot import name 'Speed' from 'perfkit'"):
            from perfkit import Speed  # type: ignore[attr-defined] # noqa: F401

    def test_are_listed_before_their_first_use(self):
        code = "import perfkit; print(set(perfkit.__all__) <= set(dir(perfkit)), 'Stack' in vars(perfkit))"
        assert printed_by(code) == "True False"

    def test_are_plain_attributes_from_their_first_use_on(self):
        assert printed_by("import perfkit; print(perfkit.Stack is vars(perfkit)['Stack'])") == "True"

    def test_are_explained_by_help(self):
        text = pydoc.plain(pydoc.render_doc(perfkit))
        assert all(f"class {name}(" in text for name in perfkit.__all__)

    def test_can_be_pickled(self):
        classes = [getattr(perfkit, name) for name in perfkit.__all__]
        assert pickle.loads(pickle.dumps(classes)) == classes

    def test_of_modules_stay_modules(self):
        assert "perfkit.csp" in imported_by("from perfkit import csp; csp.extend")
