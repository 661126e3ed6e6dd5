"""In which language is each comment written?

py3langid judges by runs of letters. Of a short comment these tell little, so there the small words
that only one language has, and the languages of the other comments, have a say as well.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

import polars as pl
import py3langid.langid as langid

from cxkit.errors import BadQuestion, listed
from cxkit.text.kept import row_by_row
from cxkit.text.progress import shown

CANDIDATES = ("de", "en", "es", "fr", "it", "nl", "pt")
LEAST_WORDS = 4  # a shorter comment tells too little: it inherits
OTHER = "und"  # as ISO 639-2 says of what is undetermined
SHORT = 9  # words: below, what else is known of the column has a say
SMALL_WORD = 4.0  # a word that one language alone has makes it e^4 times as likely
READ_AT_MOST = 2_000  # characters: more add nothing to the answer

_FOUND = {"language": pl.String, "reason": pl.String}
_EMPTY = None, "empty"
_WORD = re.compile(r"[^\W\d_]+")
_NO_LANGUAGE = re.compile(r"https?://\S+|www\.\S+|[@#]\w+")


def detect_languages(
    texts: pl.Series | Sequence[str | None], candidates: Iterable[str] | None = None
) -> pl.DataFrame:
    """Learn the language of each comment in a column, and how it is known.

    One row per text, in the order given: `language` (ISO 639-1 code, one of the candidates; "und"
    where most letters are of an alphabet that none of them has; null where empty) and `reason`:
    "detected"; "inherited" for a comment of fewer than four words, which gets the language that
    most of the longer comments have; "given" where there is only one candidate; "empty". A comment
    of fewer than nine words is judged by its small words and by the
    languages of the others too. The candidates default to `CANDIDATES`; the fewer, the surer.

    >>> texts = ["The parcel came two weeks late", "O produto chegou antes do prazo", "Ok", "",
    ...          "The staff were very kind to me"]
    >>> detect_languages(texts, ["en", "pt"]).rows()
    [('en', 'detected'), ('pt', 'detected'), ('en', 'inherited'), (None, 'empty'),
     ('en', 'detected')]
    """
    known = tuple(sorted(set(candidates or CANDIDATES)))
    named = *known, OTHER
    column = pl.Series("text", texts, dtype=pl.String)
    if len(known) == 1:
        given = [(known[0], "given") if text and text.strip() else _EMPTY for text in column]
        return pl.DataFrame(given, schema=_FOUND, orient="row")
    distinct = column.unique(maintain_order=True)
    judged = row_by_row(
        ("language", known), distinct.to_frame(), lambda rows: _all_told(rows["text"], known)
    )
    told = {
        text: (
            reason,
            {name: size for name, size in zip(named, row, strict=True) if size is not None},
        )
        for text, (reason, *row) in zip(distinct, judged.iter_rows(), strict=True)
    }
    usual = _usual([told[text][1] for text in column], known)
    found = {text: _likeliest(likely, usual) for text, (_, likely) in told.items()}
    majority = _majority([found[text] for text in column], column, known)
    rows = [
        (majority if told[text][0] == "inherited" else found[text], told[text][0])
        for text in column
    ]
    return pl.DataFrame(rows, schema=_FOUND, orient="row")


def _all_told(texts: pl.Series, candidates: tuple[str, ...]) -> pl.DataFrame:
    told = [_told(text, candidates) for text in shown(texts, len(texts), "detecting languages")]
    named = *candidates, OTHER
    rows = [(reason, *map(likely.get, named)) for reason, likely in told]
    schema = {"reason": pl.String, **dict.fromkeys(named, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _told(text: str | None, candidates: tuple[str, ...]) -> tuple[str, dict[str, float]]:
    """Return the reason, and the logarithm of how likely each language is by the text alone."""
    if text is None or not text.strip():
        return "empty", {}
    read = _NO_LANGUAGE.sub(" ", text[:READ_AT_MOST])
    if not read.isascii() and _in_another_script(read):
        language = _identifier(()).classify(read)[0]
        return "detected", {language if language in candidates else OTHER: 0.0}
    words = _WORD.findall(read)
    if len(words) < LEAST_WORDS:
        return "inherited", {}
    if len(words) >= SHORT:
        return "detected", {_identifier(candidates).classify(read)[0]: 0.0}
    # capitals alone look like another language
    likely = dict(_identifier(candidates).rank(read.lower() if read.isupper() else read))
    for word in words:
        if (language := _small_words().get(word.lower())) in likely:
            likely[language] += SMALL_WORD
    return "detected", likely


def _in_another_script(read: str) -> bool:
    """Say whether most letters are none of the Latin alphabet."""
    letters = [letter for letter in read if letter.isalpha()]
    return 2 * sum(map(_is_latin, letters)) < len(letters)


def _is_latin(letter: str) -> bool:
    return letter < "\u0250" or "\u1e00" <= letter < "\u1f00"


def _usual(told: list[dict[str, float]], candidates: tuple[str, ...]) -> dict[str, float]:
    """Return the logarithm of how common each language is in the column."""
    counts = Counter(max(likely, key=likely.__getitem__) for likely in told if likely)
    every = counts.total() + len(candidates) / 2
    return {language: math.log((counts[language] + 0.5) / every) for language in candidates}


def _likeliest(likely: dict[str, float], usual: dict[str, float]) -> str | None:
    return max(
        likely, key=lambda language: likely[language] + usual.get(language, 0.0), default=None
    )


def _majority(
    detected: list[str | None], column: pl.Series, candidates: tuple[str, ...]
) -> str | None:
    """Find the commonest detected language; without any, read the short comments together."""
    counts = Counter(language for language in detected if language)
    if counts:
        return min(counts, key=lambda language: (-counts[language], language))
    together = " ".join(column.drop_nulls().head(READ_AT_MOST))[:READ_AT_MOST]
    together = _NO_LANGUAGE.sub(" ", together)
    if not _WORD.search(together):  # emoji and signs are in no language: the scorers know them
        return "en" if "en" in candidates else candidates[0]
    return str(_identifier(candidates).classify(together)[0])


@cache
def _small_words() -> dict[str, str]:
    """Map each small word that only one language has to its language."""
    text = resources.files(__package__).joinpath("common_words.toml").read_text("utf-8")
    words = [
        (word, language)
        for language, group in tomllib.loads(text).items()
        for word in group["small"].split()
    ]
    shared = Counter(word for word, _ in words)
    return {word: language for word, language in words if shared[word] == 1}


@cache
def _identifier(candidates: tuple[str, ...]) -> langid.LanguageIdentifier:
    # an identifier of our own: the one that py3langid shares is changed by whoever sets languages
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    unknown = set(candidates) - set(identifier.labels)
    if unknown:
        raise BadQuestion(
            f"No language is called {listed(unknown)}. Use ISO 639-1 codes such as en, de or pt."
        )
    identifier.set_languages(candidates or None)  # None: all that it knows
    return identifier
