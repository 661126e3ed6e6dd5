"""Which words only name somebody: people, the company, its brands?

What is learned from comments is shown as words and holds for next month's comments too. So whatever
learns reads comments without what may tell who wrote them, and without the names of brands.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

from cxkit.text.language import detect_languages
from cxkit.text.masking import mask_texts

BRAND = "[brand]"
# what stands where something was left out
LEFT_OUT = r"\[(?:URL|e-mail|handle|IBAN|card|CPF|IP|phone|address|brand)\]"
LEAST_USES = 5
MOSTLY = 0.9  # of the uses inside of sentences, with a capital: a name
LAST = 0.5  # of the uses, with a capital at the end of the comment: a signature
READ_AT_MOST = 4_000  # characters
_NOUNS_HAVE_CAPITALS = ("de",)

_INSIDE = re.compile(r"(?:(?<=[^\W_] )|(?<=[^\W_], ))[^\W\d_]{3,40}(?![\w'’])")
_END = re.compile(r"(?<=[\s.,:-])([^\W\d_]{3,40})[\s.!,:;)]{0,5}\Z")


def unnamed(texts: Sequence[str], brands: Iterable[str] = ()) -> list[str]:
    """Mask in texts what may tell a person (see `mask`), and brands however they are written.

    >>> unnamed(["Call me, 020 7946 0958", "brindle-shoes' app, not Brindlewick"], ["Brindle Shoes"])
    ['Call me, [phone]', "[brand]' app, not Brindlewick"]
    """
    column = pl.Series("text", texts, dtype=pl.String)
    masked: list[str] = mask_texts(column).to_list()
    brand = _brand(tuple(brands))
    return [brand.sub(BRAND, text) for text in masked] if brand else masked


def names_in(
    texts: pl.Series | Sequence[str | None], languages: Iterable[str] | None = None
) -> frozenset[str]:
    """Find words that look like names: of people, brands, places or weekdays.

    They are given in small letters and without accents.

    A word looks so where five uses and nine in ten have a capital inside of sentences (not in
    German, where nouns have capitals too), or where five comments and most of its uses end with it
    and a capital: comments are signed so. Texts in capitals throughout tell nothing.

    >>> shop = ["so I told Ann about it", "and the driver was late", "I said Ann is the best"] * 3
    >>> sorted(names_in(shop, ["en"]))
    ['ann']
    """
    told = [t[:READ_AT_MOST] for t in texts if t and not t.isupper()]
    found = detect_languages(told, languages)["language"]
    inside: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for text, language in zip(told, found, strict=True):
        words = _INSIDE.findall(text)
        if language not in _NOUNS_HAVE_CAPITALS:
            inside.update(words)
        uses.update(words)
        if (end := _END.search(text)) and end[1].istitle():
            last[end[1].lower()] += 1
            if not (words and words[-1] == end[1]):
                uses[end[1]] += 1
    signed = {
        word
        for word, n in last.items()
        if n >= LEAST_USES and n > LAST * (uses[word] + uses[word.title()])
    }
    named = {
        small
        for word, n in inside.items()
        if n >= LEAST_USES and word.istitle() and n >= MOSTLY * (n + inside[small := word.lower()])
    }
    return frozenset(map(bare, named | signed))


def _brand(brands: tuple[str, ...]) -> re.Pattern[str] | None:
    """Make a pattern of names: with and without their accents, as one word or several."""
    parts = {tuple(re.findall(r"[^\W_]+", form)) for name in brands for form in (name, bare(name))}
    named = sorted((words for words in parts if words), key=lambda words: (-len(words), words))
    if not named:
        return None
    either = "|".join(r"[\W_]{0,2}".join(map(re.escape, words)) for words in named)
    return re.compile(rf"(?<![^\W_])(?:{either})(?:['’]s)?(?![^\W_])", re.IGNORECASE)


def bare(word: str) -> str:
    """Take the accents off a word, as many who write leave them out.

    >>> bare("São João")
    'Sao Joao'
    """
    parts = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
