"""The chart: what peers and perfkit add to a response, as an SVG file made with the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.results import Result, Row

WIDTH = 760
LEFT = 258  # where bars begin
LONGEST = 380
BAR = 16
STEP = 23
TITLE = 34
GAP = 14

# Readable on light and dark pages: the reader's preference decides.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .small { font-size: 11px; font-weight: 400; fill: #57606a }
  .end { text-anchor: end }
  .peer { fill: #afb8c1 }
  .perfkit { fill: #4051b5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .peer { fill: #656c76 }
    .perfkit { fill: #8c9eff }
  }
"""


def chart(found: Sequence[Result]) -> str:
    """Horizontal bars, a group for each setting, each group to its own scale."""
    y, parts = 8, []
    for result in found:
        bars = bars_of(result)
        if bars:
            parts.append(_group(result, bars, y))
            y += TITLE + STEP * len(bars) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">'
    title = "<title>What peers and perfkit add to a response; shorter is better</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def bars_of(result: Result) -> list[tuple[Row, float, str]]:
    """The rows that have a bar, how long it is, and the text at its end."""
    if result.setting.unit == "requests/s":
        return [(row, 1 / row.cost, f"{result.shown(row.cost)}/s") for row in result.rows]
    bars = []
    compared = any(row.added is not None for row in result.rows)
    for row in result.rows:
        length = row.added if compared else row.cost
        if length is not None:
            bars.append((row, max(length, 0.0), f"{result.shown(length)} {result.setting.unit.replace('us', 'µs')}"))
    return bars


def scale(lengths: Sequence[float]) -> float:
    """What the longest bar stands for; one far longer than all others is cut, so that those can be compared."""
    *_, second, longest = sorted([0.0, *lengths])
    return (second * 1.2 if 0 < second < longest / 3 else longest) or 1.0


def _group(result: Result, bars: Sequence[tuple[Row, float, str]], y: int) -> str:
    full = scale([length for _, length, _ in bars])
    if result.setting.unit == "requests/s":
        measure = "longer is better"
    else:
        measure = "added" if any(row.added is not None for row, _, _ in bars) else ""
    aside = f'<tspan class="small" dx="8">{measure}</tspan>'
    lines = [f'<text class="title" x="8" y="{y + 18}">{escape(result.setting.title)}{aside}</text>']
    for index, (row, length, text) in enumerate(bars):
        top = y + TITLE + STEP * index
        width = max(1.0, min(length / full, 1.0) * LONGEST)
        if length > full:
            text = f"\N{MIDLINE HORIZONTAL ELLIPSIS} {text}"
        kind = "perfkit" if row.side == "perfkit" else "peer"
        lines += [
            f'<text class="end" x="{LEFT - 8}" y="{top + 12}">{escape(row.name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2"/>',
            f'<text class="small" x="{LEFT + width + 6:.1f}" y="{top + 12}">{escape(text)}</text>',
        ]
    return "\n".join(lines)
