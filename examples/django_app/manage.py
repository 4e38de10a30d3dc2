#!/usr/bin/env python
"""Django's command line for this example: `python examples/django_app/manage.py check`."""

import os
import sys
from pathlib import Path


def main() -> None:
    # Python puts this folder on the path; the packages of the examples are found one above.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
