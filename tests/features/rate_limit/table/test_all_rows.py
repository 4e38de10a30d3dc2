"""That each row of the table has a test."""

from __future__ import annotations

import ast
from pathlib import Path

ROWS = 48


def test_each_row_of_the_table_has_a_test() -> None:
    """Tests of rows begin with the number of the row: ``test_07_...``."""
    parsed = [ast.parse(module.read_text()) for module in Path(__file__).parent.glob("test_row*.py")]
    names = [node.name for tree in parsed for node in tree.body if isinstance(node, ast.FunctionDef)]
    rows = {int(name.split("_")[1]) for name in names if name.startswith("test_")}
    assert rows == set(range(1, ROWS + 1))
