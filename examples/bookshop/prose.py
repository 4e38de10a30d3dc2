"""Short texts from word lists: titles, blurbs and reviews that read like the real thing and have its length."""

import re
from random import Random

from . import words

# How readers rate: most are kind. The position is the number of stars, less one.
RATING_WEIGHTS = (4, 7, 18, 36, 35)

_WORDS = {
    "adjective": words.ADJECTIVES,
    "noun": words.NOUNS[::2],
    "other": words.NOUNS[1::2],  # never the same as the noun
    "place": words.PLACES,
    "name": words.LAST_NAMES,
    "partner": words.LAST_NAMES,
}
_BLANK = re.compile(r"\{(\w+)\}")
_BARE_ARTICLE = re.compile(r"(?<=\ba)(?= [aeiou]| honest)", re.IGNORECASE)


class Writer:
    """Writes with one random source, so that the same seed always gives the same texts."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def person(self) -> str:
        return f"{self._random.choice(words.FIRST_NAMES)} {self._random.choice(words.LAST_NAMES)}"

    def reader(self) -> str:
        """A person as reviewers sign: first name and an initial."""
        first, last = self.person().split(" ")
        return f"{first} {last[0]}."

    def place(self) -> str:
        return self._random.choice(words.PLACES)

    def title(self) -> str:
        text = self._fill(self._random.choice(words.TITLES))
        # Capitals as titles have them: not on the little words inside.
        return " ".join(word if word in {"and", "the", "of", "in", "from"} else _capital(word) for word in text.split())

    def house(self) -> str:
        """The name of a publisher."""
        return " ".join(map(_capital, self._fill(self._random.choice(words.HOUSES)).split()))

    def blurb(self) -> str:
        """What stands on the back of a book: three to five sentences."""
        sentences = self._random.sample(words.BLURBS, k=self._random.randint(3, 5))
        return " ".join(map(self._sentence, sentences))

    def review(self) -> tuple[int, str]:
        """A number of stars from 1 to 5, and a text that agrees with it."""
        rating = self._random.choices(range(1, 6), weights=RATING_WEIGHTS)[0]
        verdicts = self._random.sample(words.VERDICTS[rating], k=self._random.randint(1, 2))
        return rating, " ".join(map(self._sentence, [self._random.choice(words.OPENINGS), *verdicts]))

    def _sentence(self, template: str) -> str:
        text = self._fill(template)
        return text[0].upper() + text[1:]

    def _fill(self, template: str) -> str:
        return _mend_articles(_BLANK.sub(self._word, template))

    def _word(self, blank: re.Match[str]) -> str:
        return self._random.choice(_WORDS[blank[1]])


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _mend_articles(text: str) -> str:
    """'a amber index' becomes 'an amber index'."""
    return _BARE_ARTICLE.sub("n", text)
