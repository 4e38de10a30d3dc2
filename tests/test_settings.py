"""Settings from code, files and the environment; every mistake names the setting, where it is set, and the mend."""

import json
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import ConfigurationError, SecurityHeaders, Settings, Stack, Timing, features
from perfkit._environment import Override, overrides
from perfkit.client import ClientOptions, ClientTrust, InternalOptions
from perfkit.features import FEATURES, Entry
from perfkit.features.rate_limit import RateLimitOptions
from perfkit.features.security_headers import Hsts
from perfkit.features.timing import TimingOptions
from perfkit.options import ConfiguredFeature, Options
from perfkit.settings import SECTIONS, SHARED_SECTIONS, resolve

# What is on beside timing where nothing is set.
REST = ["security_headers", "compression", "conditional_get"]
KNOWN = ", ".join(sorted(SECTIONS))
SECTION_MEND = "write True for the defaults, False to turn it off, or a mapping of options"
TOKEN = "correct-horse-battery"


def load(mapping: Any = None, *, directory: Any = None, **environ: str) -> Settings:
    """Settings of a mapping, by default an empty one, or of the files of a directory."""
    return Settings.load({} if mapping is None and directory is None else mapping, environ=environ, directory=directory)


def problem(mapping: Any = None, *, directory: Any = None, **environ: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(mapping, directory=directory, **environ)
    return caught.value


def headers(mapping: Any = None, **environ: str) -> Any:
    """The options of SecurityHeaders, which has some inside others."""
    return load(mapping, **environ).sections["security_headers"]


def sections(settings: Settings) -> list[str]:
    return [feature.section for feature in settings.features()]


class TestSections:
    def test_are_the_defaults_where_nothing_is_set(self):
        settings = Settings()
        assert sections(settings) == ["metrics", "timing", *REST]
        assert settings.sections["timing"] == TimingOptions()
        assert settings.sections["client"] == ClientOptions()

    def test_are_listed_outermost_first_and_shared_ones_last(self):
        assert list(Settings().sections) == [feature.section for feature in FEATURES] + ["client", "internal"]
        assert SHARED_SECTIONS == ("client", "internal")
        features = Settings().features()
        assert list(Stack(features).features) == features

    def test_may_be_true_for_the_defaults(self):
        assert Settings({"timing": True, "client": True}).sections == Settings().sections

    def test_may_be_false_to_turn_a_feature_off(self):
        settings = Settings({"timing": False})
        assert sections(settings) == ["metrics", *REST]
        assert settings.sections["timing"] is None

    def test_may_be_a_mapping_of_options(self):
        settings = Settings({"timing": {"cpu": True}, "security_headers": {}})
        assert settings.sections["timing"] == TimingOptions(cpu=True)
        assert sections(settings) == ["metrics", "timing", *REST]

    def test_may_be_options_made_in_code(self):
        options = TimingOptions(cpu=True)
        assert Settings({"timing": options}).sections["timing"] is options

    def test_of_a_feature_that_is_off_by_default_turn_it_on(self):
        on = ["metrics", "timing", "security_headers", "rate_limit", *REST[1:]]
        for section in (True, {}, {"namespace": "shop"}, RateLimitOptions()):
            assert sections(Settings({"rate_limit": section})) == on
        assert sections(load(PERFKIT_RATE_LIMIT="true")) == on
        assert sections(load(PERFKIT_RATE_LIMIT__NAMESPACE="shop")) == on

    @pytest.mark.parametrize("kind", SECTIONS.values())
    def test_have_options_that_are_keyword_only_and_cannot_be_changed(self, kind):
        assert issubclass(kind, Options)
        assert kind.__struct_config__.frozen
        assert kind.__struct_config__.forbid_unknown_fields
        with pytest.raises(TypeError):
            kind(True)


class TestFeatures:
    def test_are_built_with_their_options(self):
        _, timing, headers, *_ = Settings({"timing": {"cpu": True}}).features()
        assert isinstance(timing, Timing)
        assert isinstance(headers, SecurityHeaders)
        assert timing.options == TimingOptions(cpu=True)

    def test_are_new_ones_each_time(self):
        settings = Settings()
        assert not set(settings.features()) & set(settings.features())

    def test_have_sections_of_their_own(self):
        assert len(set(SECTIONS)) == len(SECTIONS) == len(FEATURES) + len(SHARED_SECTIONS)


class TestEntries:
    @pytest.mark.parametrize("entry", FEATURES, ids=lambda entry: entry.section)
    def test_say_of_a_feature_what_it_says_itself(self, entry):
        feature = entry.load()
        assert issubclass(feature, ConfiguredFeature)
        assert Entry(feature.section, feature.__name__, feature.enabled) == entry
        assert SECTIONS[entry.section] is feature.Options

    def test_stand_in_the_order_of_the_positions(self):
        positions = [entry.load().position for entry in FEATURES]
        assert positions == sorted(set(positions))

    def test_are_there_for_all_features(self):
        modules = {module.name for module in iter_modules(features.__path__)}
        assert {entry.section for entry in FEATURES} == {name for name in modules if not name.startswith("_")}


class TestTrust:
    def test_is_that_of_the_shared_sections(self):
        trust = Settings({"client": {"trusted_proxies": ["10.0.0.1"]}, "internal": {"token": TOKEN}}).trust
        assert isinstance(trust, ClientTrust)
        expected = ClientTrust(ClientOptions(trusted_proxies=("10.0.0.1",)), InternalOptions(token=TOKEN))
        assert vars(trust).keys() == vars(expected).keys()
        assert trust._token == expected._token
        assert not trust.direct


class TestSettings:
    def test_do_not_change(self):
        settings = Settings()
        with pytest.raises(AttributeError, match="do not change"):
            settings.sections = {}
        with pytest.raises(TypeError):
            settings.sections["timing"] = None  # type: ignore[index]

    def test_leave_the_given_mapping_alone(self):
        mapping: dict[str, Any] = {"security_headers": {"hsts": {"max_age": 1}}, "timing": {}}
        before = json.dumps(mapping)
        settings = load(mapping, PERFKIT_SECURITY_HEADERS__HSTS__MAX_AGE="2", PERFKIT_TIMING__CPU="1")
        assert json.dumps(mapping) == before
        mapping["timing"]["response_time"] = True
        assert settings.sections["timing"] == TimingOptions(cpu=True)

    def test_show_no_secret(self):
        shown = repr(Settings({"internal": {"token": TOKEN}, "timing": False}))
        assert TOKEN not in shown
        assert shown.startswith("Settings(")
        assert "timing=False, security_headers=SecurityHeadersOptions(" in shown

    def test_of_a_mapping_alone_know_no_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PERFKIT_TIMING", "false")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "perfkit.toml").write_text("timing = false")
        assert sections(Settings()) == ["metrics", "timing", *REST]

    def test_resolve_to_themselves(self, monkeypatch, tmp_path):
        settings = Settings()
        assert resolve(settings) is settings
        monkeypatch.setenv("PERFKIT_TIMING", "false")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "perfkit.toml").write_text("security_headers = false")
        assert sections(resolve({})) == ["metrics", *REST]
        assert sections(resolve(None)) == ["metrics", *REST[1:]]


class TestMistakes:
    @pytest.mark.parametrize(
        ("mapping", "message"),
        [
            ({"timng": {}}, "timng: unknown section; did you mean 'timing'?"),
            (
                {"xyz": True},
                f"xyz: unknown section; use one of: {KNOWN}",
            ),
            (
                {1: True},
                f"settings: 1 is not the name of a section; use one of: {KNOWN}",
            ),
            (
                {"timing": "on"},
                f"timing: 'on' is not True, False or a mapping of options; {SECTION_MEND}",
            ),
            ({"client": False}, "client: False is not a mapping of options; write a mapping, or leave it out"),
            ({"timing": {"cpuu": True}}, "timing.cpuu: unknown option; did you mean 'cpu'?"),
            ({"timing": {"cpu": "often"}}, "timing.cpu: 'often' is a str, not a bool; write True or False"),
            (["timing"], "settings: a list is not a mapping of sections; write for example {'timing': True}"),
        ],
    )
    def test_name_the_setting_the_value_and_the_mend(self, mapping, message):
        with pytest.raises(ConfigurationError) as caught:
            Settings(mapping)
        assert str(caught.value) == message
        assert str(problem(mapping)) == message

    @pytest.mark.parametrize("value", [None, 0, 1, [], "false"])
    def test_are_all_values_a_section_cannot_have(self, value):
        assert problem({"timing": value}).setting == "timing"

    def test_of_values_have_their_full_path(self):
        error = problem({"client": {"trusted_proxies": ["10.0.0.1", "nginx"]}})
        assert error.setting == "client.trusted_proxies[1]"
        assert "'nginx'" in error.problem

    @pytest.mark.parametrize("mapping", [{"internal": TOKEN}, {"internal": {"token": 5, "tokn": TOKEN}}])
    def test_show_no_secret(self, mapping):
        assert TOKEN not in str(problem(mapping))


class TestProblems:
    def test_are_none_for_good_settings(self):
        assert Settings.problems({"timing": {"cpu": True}}, environ={"PERFKIT_TIMING__CPU": "0"}) == []

    def test_are_one_for_each_section_and_variable(self):
        problems = Settings.problems(
            {"timng": {}, "timing": {"total": 1, "cpu": 1}, "client": {"header": ""}, "security_headers": {}},
            environ={"PERFKIT_TIMING__CPU": "x", "PERFKIT_TIMIN": "1"},
        )
        assert sorted(each.setting for each in problems) == [
            "client.header",
            "timin",
            "timing.cpu",
            "timing.total",
            "timng",
        ]

    def test_are_one_where_nothing_can_be_read(self, tmp_path):
        assert [each.setting for each in Settings.problems([], environ={})] == ["settings"]  # type: ignore[arg-type]
        (tmp_path / "perfkit.toml").write_text("=")
        (broken,) = Settings.problems(environ={}, directory=tmp_path)
        assert broken.setting == str(tmp_path / "perfkit.toml")

    def test_are_found_by_constructors_of_features_too(self, monkeypatch):
        def refuse(feature: ConfiguredFeature[Any], options: Options) -> None:
            raise ConfigurationError("timing.cpu", "this machine cannot", "write False")

        monkeypatch.setattr(Timing, "__init__", refuse)
        (found,) = Settings.problems({}, environ={"PERFKIT_TIMING__CPU": "true"})
        assert str(found) == "timing.cpu: this machine cannot (set by PERFKIT_TIMING__CPU); write False"

    def test_are_looked_for_where_load_looks(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PERFKIT_TIMING__CPU", "often")
        (tmp_path / "perfkit.toml").write_text("timng = true")
        assert {each.setting for each in Settings.problems()} == {"timng", "timing.cpu"}


class TestEnvironment:
    def test_overrides_the_mapping(self):
        settings = load({"timing": {"cpu": True, "response_time": True}}, PERFKIT_TIMING__CPU="false")
        assert settings.sections["timing"] == TimingOptions(response_time=True)

    def test_overrides_options_made_in_code(self):
        settings = load({"timing": TimingOptions(response_time=True)}, PERFKIT_TIMING__CPU="true")
        assert settings.sections["timing"] == TimingOptions(cpu=True, response_time=True)

    def test_overrides_a_file(self, tmp_path):
        (tmp_path / "perfkit.toml").write_text("[timing]\ncpu = true\nresponse_time = true")
        settings = load(directory=tmp_path, PERFKIT_TIMING__CPU="false")
        assert settings.sections["timing"] == TimingOptions(response_time=True)

    @pytest.mark.parametrize("text", ["true", "True", "1", "on", "yes", "YES"])
    def test_has_several_words_for_true(self, text):
        assert load(PERFKIT_TIMING__CPU=text).sections["timing"] == TimingOptions(cpu=True)
        assert sections(load({"timing": False}, PERFKIT_TIMING=text)) == ["metrics", "timing", *REST]

    @pytest.mark.parametrize("text", ["false", "False", "0", "off", "no"])
    def test_has_several_words_for_false(self, text):
        assert load({"timing": {"total": True}}, PERFKIT_TIMING__TOTAL=text).sections["timing"] == TimingOptions(
            total=False
        )
        assert sections(load({"timing": {"cpu": True}}, PERFKIT_TIMING=text)) == ["metrics", *REST]

    def test_turns_a_section_on_with_its_options(self):
        assert load({"timing": {"cpu": True}}, PERFKIT_TIMING="true").sections["timing"] == TimingOptions(cpu=True)

    def test_turns_a_section_off_whatever_it_sets_inside(self):
        assert load(PERFKIT_TIMING="false", PERFKIT_TIMING__CPU="true").sections["timing"] is None

    def test_leaves_off_what_is_off(self):
        assert load({"timing": False}, PERFKIT_TIMING__CPU="true").sections["timing"] is None

        nested = {"security_headers": False}
        assert load(nested, PERFKIT_SECURITY_HEADERS__HSTS__MAX_AGE="1").sections["security_headers"] is None

    def test_sets_nested_options(self):
        assert headers(PERFKIT_SECURITY_HEADERS__HSTS__MAX_AGE="60").hsts == Hsts(max_age=60)

    def test_sets_nested_options_beside_those_given(self):
        mapping = {"security_headers": {"hsts": {"max_age": 60}}}
        found = headers(mapping, PERFKIT_SECURITY_HEADERS__HSTS__INCLUDE_SUBDOMAINS="true")
        assert found.hsts == Hsts(max_age=60, include_subdomains=True)

    def test_sets_inner_options_after_the_outer_one(self):
        found = headers(
            PERFKIT_SECURITY_HEADERS__HSTS__MAX_AGE="60",
            PERFKIT_SECURITY_HEADERS__HSTS='{"include_subdomains": true, "max_age": 5}',
        )
        assert found.hsts == Hsts(max_age=60, include_subdomains=True)

    def test_leaves_nested_options_off_that_are_off(self):
        found = headers({"security_headers": {"hsts": False}}, PERFKIT_SECURITY_HEADERS__HSTS__MAX_AGE="60")
        assert found.hsts is False

    def test_sets_entries_of_mappings(self):
        found = headers(PERFKIT_SECURITY_HEADERS__PERMISSIONS__CAMERA="self, https://a.example")
        assert found.permissions == {"camera": ("self", "https://a.example")}

    @pytest.mark.parametrize(
        ("text", "networks"),
        [
            ("10.0.0.1", ("10.0.0.1",)),
            ("10.0.0.1,10.0.0.2", ("10.0.0.1", "10.0.0.2")),
            (" 10.0.0.1 , 10.0.0.2, ", ("10.0.0.1", "10.0.0.2")),
            ('["10.0.0.1", "10.0.0.2"]', ("10.0.0.1", "10.0.0.2")),
            ("", ()),
            ("[]", ()),
        ],
    )
    def test_writes_lists_with_commas_or_as_json(self, text, networks):
        assert load(PERFKIT_INTERNAL__NETWORKS=text).sections["internal"] == InternalOptions(networks=networks)

    def test_writes_whole_sections_as_json(self):
        settings = load({"timing": {"response_time": True}}, PERFKIT_TIMING='{"cpu": true}')
        assert settings.sections["timing"] == TimingOptions(cpu=True)

    @pytest.mark.parametrize(
        "text", ["[looks-like-json]", "{looks-like-json}", "1234567890123456", "null-null-null-null"]
    )
    def test_leaves_a_text_untouched(self, text):
        assert load(PERFKIT_INTERNAL__TOKEN=text).sections["internal"] == InternalOptions(token=text)

    @pytest.mark.parametrize("text", ["*", "https://a.example"])
    def test_takes_a_choice_before_a_list(self, text):
        expected = TimingOptions(allow_origin="*" if text == "*" else (text,))
        assert load(PERFKIT_TIMING__ALLOW_ORIGIN=text).sections["timing"] == expected

    @pytest.mark.parametrize(
        "name",
        [
            "PERFKIT_PORT",
            "PERFKIT_SERVICE_HOST",
            "PERFKIT_PORT_8000_TCP_ADDR",
            "PERFKIT_CLIENT_PORT",
            "PERFKIT_CLIENT_ID",
            "PERFKIT_TIME",
            "PERFKIT_",
            "PERFKIT",
        ],
    )
    def test_of_an_orchestrator_is_ignored(self, name):
        assert load(**{name: "tcp://10.0.0.1:8000"}).sections == Settings().sections

    def test_may_have_its_section_and_option_in_lower_case(self):
        assert load(PERFKIT_timing="false").sections["timing"] is None
        assert load(perfkit_timing="false").sections == Settings().sections

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("TIMNG", "1", "timng: there is no section 'timng' (set by {}); did you mean PERFKIT_TIMING?"),
            (
                "TIMNG__CPU",
                "1",
                "timng.cpu: there is no section 'timng' (set by {}); did you mean PERFKIT_TIMING__CPU?",
            ),
            ("TIME__CPU", "1", "time.cpu: there is no section 'time' (set by {}); did you mean PERFKIT_TIMING__CPU?"),
            (
                "TIMING_CPU",
                "1",
                "timing_cpu: there is no section 'timing_cpu' (set by {}); did you mean PERFKIT_TIMING__CPU?",
            ),
            (
                "INTERNAL_TOKE",
                "1",
                "internal_toke: there is no section 'internal_toke' (set by {}); did you mean PERFKIT_INTERNAL__TOKEN?",
            ),
            (
                "XYZ__CPU",
                "1",
                f"xyz.cpu: unknown section (set by {{}}); use one of: {KNOWN}",
            ),
            ("_TIMING", "1", "_timing: there is no section '_timing' (set by {}); did you mean PERFKIT_TIMING?"),
            ("TIMING__CPUU", "1", "timing.cpuu: unknown option (set by {}); did you mean 'cpu'?"),
            (
                "TIMING__CPU__X",
                "1",
                "timing.cpu: it has nothing inside that is called 'x' (set by {}); remove the last '__' and the rest",
            ),
            ("TIMING__CPU", "often", "timing.cpu: 'often' is not a bool (set by {}); write True or False"),
            ("TIMING__CPU", "", "timing.cpu: '' is not a bool (set by {}); write True or False"),
            (
                "TIMING",
                "often",
                "timing: 'often' is not a bool or a mapping (set by {}); write True, False or a mapping of options",
            ),
            (
                "TIMING",
                '{"cpu": 1}',
                "timing.cpu: 1 is an int, not a bool (set by {}); write True or False",
            ),
            (
                "SECURITY_HEADERS__HSTS__MAX_AGE",
                "-1",
                "security_headers.hsts.max_age: -1 is not allowed (set by {}); write a whole number of at least 0",
            ),
            (
                "SECURITY_HEADERS__HSTS__MAX_AGE",
                "a year",
                "security_headers.hsts.max_age: 'a year' is not an int (set by {}); write a whole number of at least 0",
            ),
            (
                "CLIENT__TRUSTED_PROXIES",
                "[",
                "client.trusted_proxies: it starts like JSON, but Input data was truncated (set by {}); correct it",
            ),
            (
                "CLIENT",
                "false",
                "client: False is not a mapping of options (set by {}); write a mapping, or leave it out",
            ),
        ],
    )
    def test_with_a_mistake_names_variable_and_setting(self, name, text, message):
        variable = f"PERFKIT_{name}"
        assert str(problem(**{variable: text})) == message.format(variable)

    def test_is_named_for_what_options_find_themselves(self):
        error = problem(PERFKIT_CLIENT__TRUSTED_PROXIES="10.0.0.1, nginx")
        assert error.setting == "client.trusted_proxies[1]"
        assert error.problem.endswith("(set by PERFKIT_CLIENT__TRUSTED_PROXIES)")

    @pytest.mark.parametrize("text", ["nonsense", "[1]"])
    def test_is_named_for_an_entry_of_a_mapping(self, text):
        error = problem(**{"PERFKIT_SECURITY_HEADERS__PERMISSIONS__PICTURE-IN-PICTURE": text})
        assert "picture-in-picture" in error.setting
        assert error.problem.endswith("(set by PERFKIT_SECURITY_HEADERS__PERMISSIONS__PICTURE-IN-PICTURE)")

    def test_is_about_the_entry_of_a_list(self):
        class Numbers(Options, frozen=True, kw_only=True):
            numbers: tuple[int, ...] = ()

        good, bad = overrides({"PERFKIT_A__NUMBERS": "1, 2", "PERFKIT_B__NUMBERS": "1,x"}, {"a": Numbers, "b": Numbers})
        assert good == Override("PERFKIT_A__NUMBERS", ("a", "numbers"), (1, 2))
        assert str(bad) == "b.numbers[1]: 'x' is not an int (set by PERFKIT_B__NUMBERS); write a whole number"

    def test_is_not_named_for_what_others_set(self):
        error = problem({"timing": {"cpu": 1}}, PERFKIT_TIMING__TOTAL="true")
        assert "PERFKIT" not in error.problem

    def test_names_the_variable_of_the_inner_setting(self):
        error = problem(PERFKIT_CLIENT='{"header": "x-real-ip"}', PERFKIT_CLIENT__HEADER="x y")
        assert error.problem.endswith("(set by PERFKIT_CLIENT__HEADER)")

    @pytest.mark.parametrize(
        "environ",
        [
            {"PERFKIT_INTERNAL__TOKEN": TOKEN[:15]},
            {"PERFKIT_INTERNAL__TOKEN": f"{TOKEN} ä"},
            {"PERFKIT_INTERNAL": TOKEN},
            {"PERFKIT_INTERNAL": f'{{"token": "{TOKEN}'},
            {"PERFKIT_INTERNAL": f'{{"token": ["{TOKEN}"]}}'},
        ],
    )
    def test_shows_no_secret(self, environ):
        assert TOKEN[:15] not in str(problem(**environ))


class TestFile:
    def write(self, path: Path, text: str | bytes) -> None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def test_is_perfkit_toml(self, tmp_path):
        self.write(tmp_path / "perfkit.toml", "security_headers = false\n[timing]\ncpu = true")
        settings = load(directory=tmp_path)
        assert settings.sections["timing"] == TimingOptions(cpu=True)
        assert sections(settings) == ["metrics", "timing", *REST[1:]]

    def test_is_a_table_of_pyproject_toml(self, tmp_path):
        self.write(tmp_path / "pyproject.toml", "[project]\nname = 'x'\n[tool.perfkit.timing]\ncpu = true")
        assert load(directory=tmp_path).sections["timing"] == TimingOptions(cpu=True)

    def test_is_perfkit_toml_alone_where_there_are_both(self, tmp_path):
        self.write(tmp_path / "pyproject.toml", "[tool.perfkit.timing]\ncpu = true")
        self.write(tmp_path / "perfkit.toml", "")
        assert load(directory=tmp_path).sections == Settings().sections

    def test_is_none_in_an_empty_directory(self, tmp_path):
        assert load(directory=tmp_path).sections == Settings().sections

    def test_is_in_the_working_directory(self, tmp_path, monkeypatch):
        self.write(tmp_path / "perfkit.toml", "timing = false")
        monkeypatch.chdir(tmp_path)
        assert sections(Settings.load(environ={})) == ["metrics", *REST]

    def test_is_not_read_where_a_mapping_is_given(self, tmp_path):
        self.write(tmp_path / "perfkit.toml", "timing = false")
        assert Settings.load({}, environ={}, directory=tmp_path).sections == Settings().sections

    @pytest.mark.parametrize(
        "text",
        ["", "[project]\nname = 'x'", "[tool.other]\nx = 'perfkit'", "tool = 'perfkit'", "perfkit = 1", "= broken"],
    )
    def test_of_a_project_without_perfkit_is_ignored(self, tmp_path, text):
        self.write(tmp_path / "pyproject.toml", text)
        settings = load(directory=tmp_path)
        assert settings.sections == Settings().sections
        assert settings.sources == ()

    def test_that_is_broken_is_named_with_the_line(self, tmp_path):
        self.write(tmp_path / "perfkit.toml", "[timing]\ncpu = often")
        error = problem(directory=tmp_path)
        assert error.setting == str(tmp_path / "perfkit.toml")
        assert "is not TOML: Invalid value (at line 2, column 7)" in error.problem

    def test_that_is_broken_is_named_where_it_is_the_projects(self, tmp_path):
        self.write(tmp_path / "pyproject.toml", "[tool.perfkit]\n[tool.perfkit]")
        assert problem(directory=tmp_path).setting == str(tmp_path / "pyproject.toml")

    def test_that_is_not_utf8_is_named_with_the_line(self, tmp_path):
        self.write(tmp_path / "perfkit.toml", b"[timing]\n\n# \xe4")
        assert problem(directory=tmp_path).problem == "is not UTF-8 (at line 3)"

    def test_that_cannot_be_read_is_named(self, tmp_path, monkeypatch):
        self.write(tmp_path / "perfkit.toml", "")

        def refuse(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", refuse)
        assert problem(directory=tmp_path).problem == "cannot be read: Permission denied"

    @pytest.mark.parametrize("value", ["true", "3", "'timing'", "['timing']"])
    def test_whose_table_is_none_is_refused(self, tmp_path, value):
        self.write(tmp_path / "pyproject.toml", f"[tool]\nperfkit = {value}")
        error = problem(directory=tmp_path)
        assert error.setting == "settings"
        assert error.problem.endswith(f"is not a mapping of sections (in [tool.perfkit] of {tmp_path}/pyproject.toml)")

    @pytest.mark.parametrize(
        ("text", "setting"), [("timng = true", "timng"), ("timing.cpu = 'x'", "timing.cpu"), ("timing = 1", "timing")]
    )
    def test_is_named_with_a_mistake_in_it(self, tmp_path, text, setting):
        self.write(tmp_path / "perfkit.toml", text)
        error = problem(directory=tmp_path)
        assert error.setting == setting
        assert error.problem.endswith(f"(in {tmp_path}/perfkit.toml)")

    def test_and_variables_are_the_sources(self, tmp_path):
        self.write(tmp_path / "perfkit.toml", "timing = true")
        settings = load(directory=tmp_path, PERFKIT_TIMING__CPU="0", PERFKIT_PORT="5")
        assert settings.sources == (str(tmp_path / "perfkit.toml"), "PERFKIT_TIMING__CPU")
        assert Settings().sources == ()


options = sorted({name for kind in SECTIONS.values() for name in kind.__struct_fields__} | {"max_age"})
names = st.sampled_from([*SECTIONS, *options]) | st.text(max_size=3)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=2)
    | names
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | scalars, inner, max_size=3),
    max_leaves=10,
)
variables = st.dictionaries(
    st.lists(st.sampled_from([*SECTIONS, *options, "", "x"]), min_size=1, max_size=4).map(
        lambda parts: "PERFKIT_" + "__".join(parts).upper()
    ),
    st.sampled_from(["", "true", "off", "1", "-1.5", "a,b", "[", "[1]", "{}", '{"cpu": 1}', "null", "*"]) | st.text(),
    max_size=3,
)


@given(junk | st.dictionaries(st.sampled_from(list(SECTIONS)), junk), variables)
def test_any_junk_gives_settings_or_a_configuration_error(mapping, environ):
    problems = Settings.problems(mapping, environ=environ, directory=Path("/nowhere"))
    try:
        outcome: Settings | ConfigurationError = Settings.load(mapping, environ=environ, directory=Path("/nowhere"))
    except ConfigurationError as error:
        outcome = error
    if isinstance(outcome, ConfigurationError):
        assert str(outcome) in [str(each) for each in problems]
        assert outcome.mend
    else:
        assert problems == []
        assert outcome.sections.keys() == SECTIONS.keys()


def test_importing_them_loads_nothing_a_program_with_good_settings_needs_not():
    heavy = ["difflib", "tomllib", "json", "hmac", "perfkit._problems", "perfkit._wording"]
    code = (
        "import sys; before = set(sys.modules); import perfkit; perfkit.Settings()"
        f"; print([name for name in {heavy!r} if name in sys.modules and name not in before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
