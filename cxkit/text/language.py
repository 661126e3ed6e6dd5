"""In which language is each comment written?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import polars as pl
import py3langid.langid as langid

from cxkit.errors import BadQuestion, listed
from cxkit.text.kept import row_by_row
from cxkit.text.progress import shown

CANDIDATES = ("de", "en", "es", "fr", "it", "nl", "pt")
LEAST_WORDS = 4  # a shorter comment tells too little: it inherits
READ_AT_MOST = 2_000  # characters: more add nothing to the answer

_SCHEMA: dict[str, Any] = {"language": pl.String, "reason": pl.String}
_WORD = re.compile(r"[^\W\d_]+")
_NO_LANGUAGE = re.compile(r"https?://\S+|www\.\S+|[@#]\w+")


def detect_languages(
    texts: pl.Series | Sequence[str | None], candidates: Iterable[str] | None = None
) -> pl.DataFrame:
    """Learn the language of each comment in a column, and how it is known.

    One row per text, in the order given: `language` (ISO 639-1 code, one of the candidates; null
    where empty) and `reason`: "detected"; "inherited" for a comment of fewer than four words,
    which gets the language that most of the longer comments have; "given" where there is only one
    candidate; "empty". The candidates default to `CANDIDATES`; the fewer, the surer.

    >>> texts = ["The parcel came two weeks late", "O produto chegou antes do prazo", "Ok", "",
    ...          "The staff were very kind to me"]
    >>> detect_languages(texts, ["en", "pt"]).rows()
    [('en', 'detected'), ('pt', 'detected'), ('en', 'inherited'), (None, 'empty'),
     ('en', 'detected')]
    """
    known = tuple(sorted(set(candidates or CANDIDATES)))
    column = pl.Series("text", texts, dtype=pl.String)
    distinct = column.unique(maintain_order=True)
    judged = row_by_row(
        ("language", known), distinct.to_frame(), lambda rows: _all_detected(rows["text"], known)
    )
    found = dict(zip(distinct, judged.rows(), strict=True))
    majority = _majority([found[text][0] for text in column], column, known)
    rows = [
        (majority, reason) if reason == "inherited" else (language, reason)
        for language, reason in map(found.__getitem__, column)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _all_detected(texts: pl.Series, candidates: tuple[str, ...]) -> pl.DataFrame:
    rows = [_detected(text, candidates) for text in shown(texts, len(texts), "detecting languages")]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _detected(text: str | None, candidates: tuple[str, ...]) -> tuple[str | None, str]:
    if text is None or not text.strip():
        return None, "empty"
    if len(candidates) == 1:
        return candidates[0], "given"
    read = _NO_LANGUAGE.sub(" ", text[:READ_AT_MOST])
    if len(_WORD.findall(read)) < LEAST_WORDS:
        return None, "inherited"
    return _identifier(candidates).classify(read)[0], "detected"


def _majority(
    detected: list[str | None], column: pl.Series, candidates: tuple[str, ...]
) -> str | None:
    """Find the commonest detected language; without any, read the short comments together."""
    counts = Counter(language for language in detected if language)
    if counts:
        return min(counts, key=lambda language: (-counts[language], language))
    together = " ".join(column.drop_nulls().head(READ_AT_MOST))[:READ_AT_MOST]
    return str(_identifier(candidates).classify(together)[0])


@cache
def _identifier(candidates: tuple[str, ...]) -> langid.LanguageIdentifier:
    # an identifier of our own: the one that py3langid shares is changed by whoever sets languages
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    unknown = set(candidates) - set(identifier.labels)
    if unknown:
        raise BadQuestion(
            f"No language is called {listed(unknown)}. Use ISO 639-1 codes such as en, de or pt."
        )
    identifier.set_languages(candidates)
    return identifier
