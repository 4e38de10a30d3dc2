"""That each row of the table has a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROWS = 44


def test_each_row_of_the_table_has_a_test() -> None:
    """Tests of rows begin with the numbers of the rows: ``test_07_...``, ``test_01_02_...``."""
    parsed = [ast.parse(module.read_text()) for module in Path(__file__).parent.glob("test_row*.py")]
    names = [node.name for tree in parsed for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = [re.match(r"test((?:_\d\d)+)_", name) for name in names if name.startswith("test")]
    assert all(found)
    assert {int(row) for match in found if match for row in match[1].split("_") if row} == set(range(1, ROWS + 1))
