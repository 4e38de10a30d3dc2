"""Preconditions for frameworks that perfkit has no decorator for, and the date of ``Last-Modified``.

The decorators stand in `perfkit.starlette` (FastAPI too), `perfkit.flask` and `perfkit.django`.
"""

from perfkit._preconditions import Conditions, evaluate
from perfkit._validators import entity_tag, http_date

__all__ = ["Conditions", "entity_tag", "evaluate", "http_date"]
