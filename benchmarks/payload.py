"""Bodies that are worth compressing: lists of orders as JSON, as varied as those of real applications.

A body made of one record again and again would flatter every codec. Of these zlib's level 9 leaves about 48 % of 2 KB,
36 % of 20 KB and 32 % of 1 MB. They are the same in every run.
"""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any, Final

_WORDS: Final = """
    river winter copper garden lantern meadow harbour velvet thunder orchard marble canyon whisper ember falcon glacier
    island juniper kettle lemon mirror needle ocean pepper quarry ribbon saddle timber umbrella valley walnut yellow
    anchor basket candle dragon engine feather granite hollow insect jacket kingdom ladder magnet nickel oyster pocket
    quiver rocket silver temple urchin violet window zephyr amber bridge cloud dust early forest ghost honey iron jungle
    knight light mountain night open paper quiet rain stone tower under voice water young zinc
""".split()
_CITIES: Final = ("Lisbon", "Osaka", "Bremen", "Tromsø", "Quito", "Perth", "Lagos", "Kraków", "Halifax", "Pune")
_STATES: Final = ("paid", "packed", "shipped", "delivered", "returned")
# As often as they stand in English, roughly.
_LETTERS: Final = "eeeetttaaaoooiiinnnsshhrrddlluccmmwfgypbvk"
_SEED: Final = 20261121


def _note(chance: Random) -> str:
    """A few words that a customer may have written, not all of which are in a dictionary."""
    words = (
        chance.choice(_WORDS) if chance.random() < 0.25 else "".join(chance.choices(_LETTERS, k=chance.randint(3, 8)))
        for _ in range(chance.randint(5, 16))
    )
    return " ".join(words)


def _order(number: int, chance: Random) -> dict[str, Any]:
    return {
        "id": number,
        "reference": f"{chance.getrandbits(128):032x}",
        "customer": {
            "name": f"{chance.choice(_WORDS).title()} {chance.choice(_WORDS).title()}",
            "city": chance.choice(_CITIES),
        },
        "title": " ".join(chance.choice(_WORDS) for _ in range(chance.randint(2, 5))).capitalize(),
        "note": _note(chance),
        "price": f"{chance.randint(1, 200)}.{chance.randint(0, 99):02}",
        "weight": chance.randint(50, 9000) / 1000,
        "state": chance.choice(_STATES),
        "gift": chance.random() < 0.2,
        "ordered": f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}"
        f":{chance.randint(0, 59):02}:{chance.randint(0, 59):02}Z",
    }


@cache
def orders(size: int) -> bytes:
    """A JSON list of about so many bytes, and no more."""
    chance, made, length = Random(_SEED), list[str](), 2
    while True:
        record = json.dumps(_order(40_000 + len(made), chance), ensure_ascii=False, separators=(",", ":"))
        length += len(record.encode()) + 1
        if length > size:
            return f"[{','.join(made)}]".encode()
        made.append(record)
