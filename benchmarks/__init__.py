"""perfkit beside the packages it replaces, in one run: ``python -m benchmarks`` or ``make bench``.

To add a row, add a `Variant` to a setting in `benchmarks.rows`, and a goal if it is held to something. A module there
with `SETTINGS` adds settings.
"""
