"""A strict reader of Server-Timing: the grammar of the W3C specification and RFC 9110, and nothing more lenient."""

import re
from typing import NamedTuple

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DURATION = re.compile(r"[0-9]+\.[0-9]{1,3}")
# DQUOTE *( qdtext / quoted-pair ) DQUOTE, of ASCII only
QUOTED = re.compile(r'"(?:[\t !\x23-\x5b\x5d-\x7e]|\\[\t -\x7e])*"')


class Metric(NamedTuple):
    name: str
    duration: float | None
    description: str | None


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        assert found, f"{pattern.pattern} expected at {self.at} of {self.text!r}"
        self.at = found.end()
        return found[0]

    def sees(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def metric(self) -> Metric:
        name = self.take(TOKEN)
        duration = description = None
        while self.sees(";"):
            parameter = self.take(TOKEN)
            assert self.sees("="), f"= expected at {self.at} of {self.text!r}"
            if parameter == "dur":
                assert duration is None
                duration = float(self.take(DURATION))
            else:
                assert parameter == "desc"
                assert description is None
                description = re.sub(r"\\(.)", r"\1", self.take(QUOTED)[1:-1])
        return Metric(name, duration, description)


def read(value: str) -> list[Metric]:
    reader = Reader(value)
    metrics = [reader.metric()]
    while reader.at < len(value):
        assert reader.sees(", "), f"', ' expected at {reader.at} of {value!r}"
        metrics.append(reader.metric())
    return metrics
