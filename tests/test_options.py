"""Options of a section: every way to get one wrong says which setting, which value, and what to write instead."""

import enum
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from perfkit.errors import ConfigurationError
from perfkit.options import BadOption, ConfiguredFeature, Options, convert

SECRET = "hunter2hunter2"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Rule(Options, frozen=True, kw_only=True):
    limit: int
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.limit == 13:
            raise BadOption("limit", "13 is unlucky", "write 12")
        for index, path in enumerate(self.paths):
            if not path.startswith("/"):
                raise BadOption(f"paths[{index}]", f"{path!r} has no slash", "begin it with a slash")
        if self.limit == 17:
            raise ValueError("17 is too much for this machine")


class Store(Options, frozen=True, kw_only=True):
    secrets: ClassVar = frozenset({"password"})

    host: str = "localhost"
    password: Annotated[str, Meta(min_length=8)] | None = None


class Everything(Options, frozen=True, kw_only=True):
    flag: bool = False
    number: int = 1
    header: str = "server-timing"
    seconds: Annotated[float, Meta(gt=0)] = 1.0
    percent: Annotated[int, Meta(ge=0, le=100)] = 50
    few: Annotated[int, Meta(ge=1)] | None = None
    name: Annotated[str, Meta(pattern="^[a-z]+$")] = "name"
    mode: Literal["fast", "small"] = "fast"
    frame: bool | Literal["deny", "sameorigin"] = True
    colour: Colour = Colour.RED
    networks: list[str] = []  # noqa: RUF012 - msgspec copies it
    unique: frozenset[int] = frozenset()
    pair: tuple[int, str] = (1, "a")
    few_names: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    counts: dict[str, int] = {}  # noqa: RUF012 - msgspec copies it
    mixed: int | str | None = None
    one_or_more: str | tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    by_name: dict[str, Rule] = {}  # noqa: RUF012 - msgspec copies it
    rule: Rule | bool = True
    store: Store = Store()
    call: Callable[..., Any] | None = None
    whatever: Any = None


def problem(values: Any, *, strict: bool = True) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        convert(values, Everything, "section", strict=strict)
    return caught.value


class TestGoodOptions:
    def test_are_the_defaults_where_nothing_is_given(self):
        assert convert({}, Everything, "section") == Everything()

    def test_are_what_is_given(self):
        options = convert({"number": 3, "rules": [{"limit": 5}], "rule": False}, Everything, "section")
        assert (options.number, options.rules, options.rule) == (3, (Rule(limit=5),), False)

    def test_that_are_options_already_stay_the_same_object(self):
        options = Everything(number=3)
        assert convert(options, Everything, "section") is options

    def test_may_come_in_any_mapping(self):
        assert convert(MappingProxyType({"rule": MappingProxyType({"limit": 5})}), Everything, "").rule == Rule(limit=5)

    @pytest.mark.parametrize("given", [["a"], ("a",), {"a"}, frozenset("a")])
    def test_may_give_a_list_as_another_collection(self, given):
        assert convert({"networks": given}, Everything, "section").networks == ["a"]

    def test_may_nest_options_made_already(self):
        assert convert({"rules": [Rule(limit=5)]}, Everything, "section").rules == (Rule(limit=5),)

    def test_may_be_a_callable(self):
        assert convert({"call": len}, Everything, "section").call is len

    def test_are_a_whole_number_for_a_float(self):
        assert convert({"seconds": 2}, Everything, "section").seconds == 2.0

    def test_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            Everything().number = 5  # type: ignore[misc]

    def test_may_be_text_where_they_come_from_the_environment(self):
        values = {"flag": "true", "number": "5", "seconds": "0.5", "header": "5"}
        options = convert(values, Everything, "section", strict=False)
        assert (options.flag, options.number, options.seconds, options.header) == (True, 5, 0.5, "5")


class TestUnknownOption:
    def test_names_the_option_that_was_meant(self):
        assert str(problem({"heder": "x"})) == "section.heder: unknown option; did you mean 'header'?"

    def test_lists_the_options_where_none_is_close(self):
        error = problem({"store": {"xyz": 1}})
        assert str(error) == "section.store.xyz: unknown option; use one of: host, password"

    def test_is_found_in_a_list(self):
        assert problem({"rules": [{"limit": 1}, {"limit": 1, "path": []}]}).setting == "section.rules[1].path"

    def test_is_found_whatever_its_case(self):
        assert problem({"HEADER": "x"}).mend == "did you mean 'header'?"

    @pytest.mark.parametrize(("key", "setting"), [("a b", "section['a b']"), ("\ud800", r"section['\ud800']")])
    def test_that_is_no_name_is_quoted(self, key, setting):
        assert problem({key: 1}).setting == setting

    @pytest.mark.parametrize(("key", "shown"), [(1, "1"), (None, "None"), (("a", 1), "('a', 1)")])
    def test_must_be_a_text(self, key, shown):
        error = problem({key: 1})
        assert (error.setting, error.problem) == ("section", f"{shown} is not the name of an option")

    def test_that_is_missing_is_named(self):
        error = problem({"rules": [{"paths": []}]})
        assert str(error) == "section.rules[0].limit: is missing; write a whole number"


class TestWrongType:
    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("flag", "often", "'often' is a str, not a bool; write True or False"),
            ("flag", 1, "1 is an int, not a bool; write True or False"),
            ("flag", None, "None is not a bool; write True or False"),
            ("number", True, "True is a bool, not an int; write a whole number"),
            ("number", "1", "'1' is a str, not an int; write a whole number"),
            ("number", 1.5, "1.5 is a float, not an int; write a whole number"),
            ("number", 1.0, "1.0 is a float, not an int; write a whole number"),
            ("header", 1, "1 is an int, not a str; write a text"),
            ("header", b"x", "b'x' is a bytes, not a str; write a text"),
            ("seconds", "1", "'1' is a str, not a float; write a number above 0"),
            ("mixed", 1.5, "1.5 is a float, not an int, a str or None; write a whole number, a text or None"),
            ("networks", "a", "'a' is a str, not a list; write a list: ['a']"),
            ("networks", {"a": 1}, "{'a': 1} is a dict, not a list; write a list"),
            ("one_or_more", 1, "1 is an int, not a str or a list; write a text or a list"),
            ("counts", [1], "[1] is a list, not a mapping; write a mapping"),
            ("rule", 3, "3 is an int, not a mapping or a bool; write a mapping of options, True or False"),
            ("store", "x", "'x' is a str, not a mapping; write a mapping of options"),
            ("call", 3, "3 is an int, not a callable or None; write a callable or None"),
            ("mode", 3, "3 is an int, not 'fast' or 'small'; write 'fast' or 'small'"),
        ],
    )
    def test_is_named_with_the_right_one(self, option, value, message):
        assert str(problem({option: value})) == f"section.{option}: {message}"

    @pytest.mark.parametrize("values", [5, None, "x", [], Rule(limit=5)])
    def test_of_the_whole_section_is_named(self, values):
        error = problem(values)
        assert (error.setting, error.mend) == ("section", "write a mapping of options")

    @pytest.mark.parametrize(
        ("values", "setting"),
        [
            ({"networks": ["a", 1]}, "section.networks[1]"),
            ({"pair": [1, 2]}, "section.pair[1]"),
            ({"counts": {"a": 1, "b": "x"}}, "section.counts.b"),
            ({"counts": {"a b": "x"}}, "section.counts['a b']"),
            ({"rules": [{"limit": 1, "paths": ["/", 5]}]}, "section.rules[0].paths[1]"),
            ({"by_name": {"login": {"limit": "x"}}}, "section.by_name.login.limit"),
            ({"rule": {"limit": "x"}}, "section.rule.limit"),
            ({"one_or_more": ["a", 1]}, "section.one_or_more[1]"),
            ({"unique": {"x"}}, "section.unique[0]"),
        ],
    )
    def test_is_found_inside(self, values, setting):
        assert problem(values).setting == setting

    def test_of_a_key_is_named(self):
        assert str(problem({"counts": {1: 1}})) == "section.counts: the key 1 is an int, not a str; write a text"

    def test_shows_a_long_value_shortened(self):
        error = problem({"number": "x" * 100_000})
        assert len(str(error)) < 200
        assert "xxx...xxx" in error.problem

    def test_says_nothing_of_str_for_a_text_from_the_environment(self):
        error = problem({"flag": "often"}, strict=False)
        assert str(error) == "section.flag: 'often' is not a bool; write True or False"


class TestWrongValue:
    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("percent", 101, "101 is not allowed; write a whole number of at least 0 and of at most 100"),
            ("seconds", 0, "0 is not allowed; write a number above 0"),
            ("few", 0, "0 is not allowed; write a whole number of at least 1 or None"),
            ("name", "A", "'A' is not allowed; write a text that matches the pattern '^[a-z]+$'"),
            ("few_names", ["a", "b", "c"], "['a', 'b', 'c'] is not allowed; write a list of length 2 or less"),
            ("pair", [1], "[1] is not allowed; write a list of 2"),
            ("pair", [1, "a", 2], "[1, 'a', 2] is not allowed; write a list of 2"),
            ("mode", "slow", "'slow' is not 'fast' or 'small'; write 'fast' or 'small'"),
            ("mode", "smal", "'smal' is not 'fast' or 'small'; did you mean 'small'?"),
            ("frame", "denny", "'denny' is not a bool, 'deny' or 'sameorigin'; did you mean 'deny'?"),
            ("colour", "green", "'green' is not 'red' or 'blue'; write 'red' or 'blue'"),
        ],
    )
    def test_is_named_with_what_is_allowed(self, option, value, message):
        assert str(problem({option: value})) == f"section.{option}: {message}"

    def test_found_by_the_options_themselves_has_its_full_path(self):
        assert str(problem({"rules": [{"limit": 1}, {"limit": 13}]})) == (
            "section.rules[1].limit: 13 is unlucky; write 12"
        )
        assert problem({"by_name": {"a": {"limit": 1, "paths": ["/", "x"]}}}).setting == "section.by_name.a.paths[1]"
        assert problem({"rule": {"limit": 13}}).setting == "section.rule.limit"

    def test_found_by_the_options_without_a_name_is_told_as_it_is(self):
        error = problem({"rule": {"limit": 17}})
        assert (error.setting, error.problem) == ("section.rule", "17 is too much for this machine")

    def test_found_when_options_are_made_in_code_has_the_same_parts(self):
        with pytest.raises(BadOption, match=re.escape("limit: 13 is unlucky; write 12")):
            Rule(limit=13)


class TestSecret:
    @pytest.mark.parametrize("value", [SECRET, [SECRET], {"a": SECRET}, SECRET[:5]])
    def test_is_in_no_message(self, value):
        values = {"host": 5, "password": value} if value == SECRET else {"password": value}
        error = problem({"store": values})
        assert SECRET[:5] not in str(error)
        # Neither in what a traceback would print of the cause.
        assert error.__cause__ is None
        assert error.__suppress_context__

    def test_is_said_to_be_one(self):
        error = problem({"store": {"password": SECRET[:5]}})
        assert error.problem == "the value, not shown here, is not allowed"
        assert error.mend == "write a text of length 8 or more or None"

    def test_is_in_no_repr(self):
        options = Everything(store=Store(password=SECRET))
        assert SECRET not in repr(options)
        assert "Store(host='localhost', password=<hidden>)" in repr(options)
        assert SECRET not in repr(options.store.__rich_repr__())

    def test_that_is_not_set_is_seen_to_be_not_set(self):
        assert repr(Store()) == "Store(host='localhost', password=None)"


class LimitOptions(Options, frozen=True, kw_only=True):
    limit: int = 5


class Limit(ConfiguredFeature[LimitOptions]):
    section = "limit"
    Options = LimitOptions


class TestConfiguredFeature:
    def test_takes_values(self):
        assert Limit(limit=3).options == LimitOptions(limit=3)

    def test_takes_options(self):
        options = LimitOptions(limit=3)
        assert Limit(options).options is options

    def test_has_defaults(self):
        assert Limit().options == LimitOptions()
        assert Limit.enabled

    def test_takes_no_mixture(self):
        with pytest.raises(TypeError, match="Limit takes options or keyword values, not both"):
            Limit(LimitOptions(), limit=3)

    def test_names_the_full_path_of_a_bad_option(self):
        with pytest.raises(ConfigurationError, match=re.escape("limit.limt: unknown option; did you mean 'limit'?")):
            Limit(limt=3)

    def test_refuses_the_options_of_another_feature(self):
        with pytest.raises(ConfigurationError, match="limit: "):
            Limit(Store())  # type: ignore[arg-type]


names = st.sampled_from(sorted(Everything.__struct_fields__))
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
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(scalars | st.sampled_from(["limit"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(junk | st.dictionaries(names, junk), st.booleans())
def test_any_junk_is_options_or_a_configuration_error(values, strict):
    try:
        outcome: Everything | ConfigurationError = convert(values, Everything, "section", strict=strict)
    except ConfigurationError as error:
        outcome = error
    if isinstance(outcome, ConfigurationError):
        assert outcome.setting.startswith("section")
        assert outcome.problem
        assert outcome.mend
    else:
        assert outcome == msgspec.convert(values, Everything, strict=strict)
