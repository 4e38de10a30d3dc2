"""The section `compression`: defaults, and mistakes that name the setting and the mend."""

from typing import Any

import pytest

from perfkit import Compression, ConfigurationError, Position, Settings
from perfkit.compression import CompressionOptions, Flush

TOO_LARGE = "from 20 on it takes windows that browsers refuse (RFC 9659)"
TYPES = "write for example 'application/x-book' or 'font/*'"
ETAGS = "'drop', 'keep', 'suffix' or 'weak'"


def message(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings({"compression": options})
    return str(caught.value)


def test_it_is_on_by_default_and_stands_between_the_headers_and_the_application() -> None:
    feature = next(one for one in Settings().features() if isinstance(one, Compression))
    assert feature.options == CompressionOptions()
    assert (feature.position, feature.encodes) == (Position.COMPRESSION, True)
    assert not any(isinstance(one, Compression) for one in Settings({"compression": False}).features())


def test_the_defaults() -> None:
    options = CompressionOptions()
    assert (options.minimum_size, options.codings, options.levels) == (500, None, {})
    assert (options.etag, options.flush, options.honor_no_transform) == ("suffix", "chunk", True)
    assert (options.padding, options.cache_size) == (0, 0)
    assert {name: codec.level for name, codec in Compression()._choices.codecs.items()} == {
        "zstd": 3,
        "br": 4,
        "gzip": 5,
    }


def test_levels_are_those_of_the_settings() -> None:
    feature = Compression(levels={"zstd": 19, "br": 0, "gzip": 9})
    assert {name: codec.level for name, codec in feature._choices.codecs.items()} == {"zstd": 19, "br": 0, "gzip": 9}


def test_the_environment_can_say_it_all() -> None:
    environ = {
        "PERFKIT_COMPRESSION__LEVELS__GZIP": "9",
        "PERFKIT_COMPRESSION__MINIMUM_SIZE": "1000",
        "PERFKIT_COMPRESSION__FLUSH__SIZE": "4096",
        "PERFKIT_COMPRESSION__ETAG": "weak",
    }
    options = Settings.load({}, environ=environ).sections["compression"]
    assert options == CompressionOptions(levels={"gzip": 9}, minimum_size=1000, flush=Flush(size=4096), etag="weak")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"codings": []}, "codings: there is none; write compression = False to turn it off"),
        ({"codings": ["gzip", "zst"]}, "codings[1]: 'zst' is not known; did you mean 'zstd'?"),
        ({"codings": ["lzma"]}, "codings[0]: 'lzma' is not known; use some of: br, gzip, zstd"),
        ({"codings": ["br", "br"]}, "codings[1]: 'br' is there twice; remove one of them"),
        (
            {"levels": {"zstd": 20}},
            f"levels.zstd: 20 is not a level of zstd: {TOO_LARGE}; write a whole number from 1 to 19",
        ),
        ({"levels": {"gzip": 0}}, "levels.gzip: 0 is not a level of gzip; write a whole number from 1 to 9"),
        ({"levels": {"br": 12}}, "levels.br: 12 is not a level of br; write a whole number from 0 to 11"),
        ({"levels": {"gz": 1}}, "levels.gz: 'gz' is not known; did you mean 'gzip'?"),
        (
            {"codings": ["gzip"], "levels": {"br": 1}},
            "levels.br: this coding is not among codings; add it there, or remove it",
        ),
        ({"minimum_size": -1}, "minimum_size: -1 is not allowed; write a whole number of at least 0"),
        (
            {"types": ["json"]},
            f"types[0]: 'json' is not a content type; {TYPES}",
        ),
        (
            {"exclude_types": ["text/html; charset=utf-8"]},
            f"exclude_types[0]: 'text/html; charset=utf-8' is not a content type; {TYPES}",
        ),
        ({"exclude": ["login"]}, "exclude[0]: 'login' is no path; begin it with '/', as in '/download*'"),
        (
            {"etag": "strong"},
            f"etag: 'strong' is not {ETAGS}; write {ETAGS}",
        ),
        ({"flush": {}}, "flush.size: neither it nor milliseconds is given; write for example 16384"),
        ({"flush": {"size": 0}}, "flush.size: 0 is not allowed; write a whole number of at least 1 or None"),
        ({"padding": 257}, "padding: 257 is not allowed; write a whole number of at least 0 and of at most 256"),
        (
            {"padding": 10, "cache_size": 1000},
            "cache_size: what comes from the cache has no padding; set one of the two to 0",
        ),
        ({"minimum_length": 1}, "minimum_length: unknown option; did you mean 'minimum_size'?"),
    ],
)
def test_a_mistake_names_the_setting_and_the_mend(options: dict[str, Any], expected: str) -> None:
    assert message(**options) == f"compression.{expected}"
