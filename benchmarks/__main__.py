"""``python -m benchmarks``: measure, and show what came of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from benchmarks import chart, page, profiling, report
from benchmarks.measure import measure
from benchmarks.results import as_data, results, versions
from benchmarks.rows import settings

LOG_WIDTH = 140


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="settings whose name begins so; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="a few series only: to see that all works, not to compare")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the chart")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into this page")
    parser.add_argument("--profile", metavar="SETTING/VARIANT", help="say instead where the time of one variant goes")
    return parser.parse_args(argv)


def main() -> None:
    options = arguments()
    console = Console()
    if not console.is_terminal:
        console.width = LOG_WIDTH  # rich takes 80 columns for a file
    if options.profile:
        return profiling.profile(options.profile, console)
    try:
        chosen = settings(options.only)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    run = measure(chosen, quick=options.quick)
    found, packages = results(chosen, run), versions(chosen)
    report.report(found, run, packages, console)
    if options.json:
        options.json.write_text(json.dumps(as_data(found, run, packages), indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart.chart(found))
    if options.markdown:
        options.markdown.write_text(page.filled(options.markdown.read_text(), found, run, packages))


if __name__ == "__main__":
    main()
