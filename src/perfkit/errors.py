"""The errors perfkit raises or hands to a feature."""

from __future__ import annotations


class ConfigurationError(ValueError):
    """A setting that cannot be used, found at start-up.

    The message reads ``setting: problem; mend``, for example ``timing.cpu: 'often' is not true or false; write
    true or false``. The parts are kept apart for hosts that show them in their own form (Django's system checks).

    Args:
        setting: the full path, ``section.option`` or ``section.list[1].option``.
        problem: what is wrong, with the value.
        mend: what to write instead.
    """

    def __init__(self, setting: str, problem: str, mend: str) -> None:
        super().__init__(f"{setting}: {problem}; {mend}")
        self.setting = setting
        self.problem = problem
        self.mend = mend


class IncompleteResponseError(Exception):
    """The application ended before its response did.

    Never raised: handed to ``Feature.on_end`` when the application returned without an error of its own, as it does
    after the client has gone away in the middle of a stream.
    """
