"""``perfkit check --headers URL``: fetches a page, grades what it sends, and says what would improve it."""

from __future__ import annotations

from perfkit._check.fetching import CheckError, Response, Responses, fetch
from perfkit._check.finding import Finding
from perfkit._check.grading import GRADES, Grade, grade
from perfkit._check.report import show

__all__ = ["GRADES", "CheckError", "Finding", "Grade", "Response", "Responses", "fetch", "grade", "run", "show"]


def run(url: str, minimum: str, timeout: float) -> int:
    """Check a page and print what there is to say; gives the exit status.

    Args:
        url: the page.
        minimum: the worst grade that gives 0.
        timeout: seconds each request may take.

    Raises:
        CheckError: the page cannot be fetched.
    """
    responses = fetch(url, timeout)
    judged = grade(responses)
    show(responses, judged)
    return 0 if judged.reaches(minimum) else 1
