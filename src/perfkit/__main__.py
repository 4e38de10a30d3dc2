"""``python -m perfkit`` is the command `perfkit`."""

import sys

from perfkit.cli import main

sys.exit(main())
