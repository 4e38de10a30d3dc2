"""What tables tell of a variant beside its cost."""

from __future__ import annotations

from benchmarks.model import Answer, headers_added


def coding_and_size(answer: Answer, bare: Answer | None) -> str:
    """How large the body has become."""
    size = f"{len(answer.body):,} B"
    return f"{answer.coding}, {size}, {len(answer.body) / len(bare.body):.1%}" if bare and answer.coding else size


def headers_and_coding(answer: Answer, bare: Answer | None) -> str:
    """Both."""
    return ", ".join(filter(None, [headers_added(answer, bare), coding_and_size(answer, bare)]))
