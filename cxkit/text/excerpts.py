"""Which few words stand for what many wrote?"""

import re
from collections import Counter
from collections.abc import Sequence
from math import log, sqrt

_WORD = re.compile(r"[^\W_]{3,}")
_ENDS = re.compile(r"[.!?…](?=\s|$)|[\n\r]+")


def sentence_at(text: str, start: int, end: int) -> str:
    """Return the sentence, or sentences, that the characters from `start` to `end` are of.

    >>> sentence_at("Nice shop. Do you deliver on Saturdays? Thanks!", 14, 25)
    'Do you deliver on Saturdays?'
    """
    first = max((mark.end() for mark in _ENDS.finditer(text, 0, start)), default=0)
    after = _ENDS.search(text, max(start, end - 1))
    return text[first : after.end() if after else len(text)].strip()


def most_typical(texts: Sequence[str], among: Sequence[str]) -> int:
    """Return which of the texts is most like all of them: the first of the closest to their mean.

    Texts are compared by their words of three letters and more (cosine of TF-IDF); words count the
    less, the more of the texts `among` hold them.

    >>> asks = ["Is it in stock?", "When is the chair in stock again?", "Do you ship abroad?"]
    >>> most_typical(asks, among=asks)
    0
    """
    held = Counter(word for text in among for word in _words(text))
    rows = []
    for text in texts:
        row = {word: log(1 + len(among) / (held[word] or 1)) for word in _words(text)}
        size = sqrt(sum(weight * weight for weight in row.values())) or 1.0
        rows.append({word: weight / size for word, weight in row.items()})
    mean: Counter[str] = Counter()
    for row in rows:
        for word in sorted(row):
            mean[word] += row[word]  # type: ignore[assignment]  # a sum of weights, not a count
    close = [sum(row[word] * mean[word] for word in sorted(row)) for row in rows]
    return max(range(len(texts)), key=lambda place: (round(close[place], 9), -place))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
