"""Which words tell the unhappy from the happy, or one group from the others?"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.stats.intervals import ENOUGH, Z, benjamini_hochberg, said, two_sided, wilson
from cxkit.stats.keyness import keyness
from cxkit.stats.segments import gathered
from cxkit.text.discovery import stems_of
from cxkit.text.excerpts import most_typical, sentence_at
from cxkit.text.names import bare, names_in
from cxkit.text.own_rating import SCALES
from cxkit.text.themes import stem, words_of
from cxkit.workspace import Workspace, query_text

QUESTION = "Which words tell the unhappy from the happy, or one group from the others?"
_LOW, _HIGH, _OTHER, _MISSING = "low score", "high score", "other", "missing"
_NAMES = {"nps": "NPS", "csat": "CSAT", "stars": "stars", "ces": "CES"}
_NAMES_STAY = "Names in quotes are not masked: read before you pass them on."
_LEAST = 5  # people: a word of fewer may be somebody's name
_SHOWN = 15  # words of a side
_READ_FOR_A_QUOTE = 100  # comments with a word that the typical one is looked for among
_QUOTE = 240  # characters
_SCHEMA: dict[str, Any] = {
    "side": pl.String,
    "word": pl.String,
    "people": pl.Int64,
    "base": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "others": pl.Int64,
    "others_base": pl.Int64,
    "others_share": pl.Float64,
    "others_share_low": pl.Float64,
    "others_share_high": pl.Float64,
    "log_odds": pl.Float64,
    "z": pl.Float64,
    "q_value": pl.Float64,
    "quote": pl.String,
    "feedback_id": pl.String,
}
_Row = dict[str, Any]


class _Words(NamedTuple):
    """The comments of all sides with their stems; how each stem is spelled."""

    comments: pl.DataFrame  # side, customer_key, known, feedback_id, comment
    stems: list[frozenset[str]]
    spelled: dict[str, str]


def telling_words(
    workspace: Workspace,
    *,
    metric: str | None = None,
    by: str | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Find the words that tell low scores from high ones, or one segment from the others: keyness.

    A score is low or high as its metric counts it: NPS up to 6 and from 9, CSAT and stars up to 2
    and from 4, CES up to 3 and from 5. Words count by person, not by how often they are written:
    who repeats a word fifty times is one. Forms of a word are one word; small words, and words that
    only praise or blame, are left out. Words are compared by their log-odds with a Dirichlet prior
    (Monroe, Colaresi and Quinn 2008), in any language.

    Args:
        workspace: an open store.
        metric: "nps", "csat", "stars" or "ces"; default: the one with the most comments beside a
            low or high score.
        by: compare segments in place of scores, each with all others: `touchpoint` or `question`
            of the survey, `region`, `source` or `preferred_channel` of the customer, or a field of
            the customers' attributes (see `Workspace.with_field`).
        as_of: read what was given until this moment; default: the latest time in the data.

    Returns:
        One row per telling word, up to 15 of each side, the most telling first (low scores before
        high ones): side ("low score",
        "high score" or the segment), word (as it is written most often), people (of the side who
        use it), base (people of the side), share with Wilson's interval (_low, _high), others,
        others_base, others_share (_low, _high) of the other side, log_odds, z, q_value
        (Benjamini-Hochberg over all words that 5 people use), quote (a typical sentence with it,
        masked), feedback_id (of the quote). Shown are words with z above 1.96; only those with
        q_value below .05 are sure. In a report only words are shown that as many known customers
        of the side use as the settings' smallest group: comments of nobody known may all be of one
        person. What looks like a name is shown where 5 known customers use it; the company's names
        and brands in the settings are left out. n is the number of comments on all sides.

    Raises:
        BadQuestion: where there is no such metric or field, or both are asked for.
    """
    if metric is not None and by is not None:
        raise BadQuestion("Words are compared by score or by segment: ask for metric or by.")
    if metric is not None and not (isinstance(metric, str) and metric in SCALES):
        raise BadQuestion(f"No metric is called {metric!r}. There are: {listed(SCALES)}.")
    until = workspace.moment(as_of)
    answers = workspace.query(
        "telling_words",
        metrics=list(SCALES),
        lowest=[scale[0] for scale in SCALES.values()],
        most=[scale[1] for scale in SCALES.values()],
        by=workspace.segment(by, own=("touchpoint", "question")),
        as_of=until,
    )
    metric = None if by else metric or _most_commented(answers)
    asked = _scored(answers, metric) if metric else _by_segment(answers, workspace.least)
    sides = asked.filter(pl.col("side").is_not_null())
    people = _people(sides)
    brands = workspace.settings.company.names
    words = _Words(sides, *stems_of(sides["comment"].to_list(), brands=brands))
    table = _table(words, people, workspace.least)
    hidden = _hidden(words, people, workspace.least) if _sure(table).is_empty() else ""
    return Result(
        name="telling_words",
        question=QUESTION,
        table=table,
        finding=_finding(table, people, sides.height, metric, by, hidden),
        caveats=(
            *_caveats(asked, people, metric, by),
            *_left_out(answers, metric),
            *([_NAMES_STAY] if workspace.least and table["quote"].count() else []),
        ),
        sql=query_text("telling_words"),
        as_of=until,
        n=sides.height,
        draw=_chart,
    )


def _side() -> pl.Expr:
    bad, good = (
        pl.col("metric").replace_strict(
            {metric: scale[end] for metric, scale in SCALES.items()},
            default=None,
            return_dtype=pl.Float64,
        )
        for end in (2, 3)
    )
    low = pl.when(pl.col("score") <= bad).then(pl.lit(_LOW))
    return low.when(pl.col("score") >= good).then(pl.lit(_HIGH))


def _most_commented(answers: pl.DataFrame) -> str:
    usual = answers.filter("usual", "sound", _side().is_not_null())
    ranked = usual.group_by("metric").len().sort(pl.col("len"), "metric", descending=[True, False])
    return str(ranked["metric"].first() or "nps")


def _scored(answers: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Return the comments beside this metric; those of a middling score have no side."""
    usual = answers.filter(pl.col("metric") == metric, "usual", "sound")
    return usual.with_columns(side=_side())


def _by_segment(answers: pl.DataFrame, least: int) -> pl.DataFrame:
    """Return the comments of each segment; those of none have no side."""
    own = answers.filter("own").with_columns(one=pl.lit(1))
    known = own.filter(pl.col("segment") != _MISSING)
    kept = gathered(known, "one", least=least, people=known.select("segment", "customer_key"))
    missing = own.filter(pl.col("segment") == _MISSING).with_columns(
        segment=pl.lit(None, pl.String)
    )
    return pl.concat([kept, missing]).drop("one").with_columns(side="segment")


def _people(sides: pl.DataFrame) -> dict[str, int]:
    """Return how many people there are on each side, the largest first, 'other' last."""
    heads = sides.group_by("side").agg(n=pl.col("customer_key").n_unique())
    order = pl.col("side").replace_strict({_LOW: -1, _HIGH: 0, _OTHER: 2}, default=1)
    return dict(heads.sort(order, -pl.col("n").cast(pl.Int64), "side").rows())


def _table(words: _Words, people: dict[str, int], least: int) -> pl.DataFrame:
    used = (
        words.comments.select("side", "customer_key", "known")
        .with_columns(pl.Series("stem", [sorted(s) for s in words.stems], dtype=pl.List(pl.String)))
        .explode("stem", empty_as_null=True)
        .drop_nulls()
        .unique()
    )
    unsafe = _too_few_known(words, used, max(least, _LEAST), report=least > 0)
    often = Counter(dict(used.unique(["customer_key", "stem"]).group_by("stem").len().rows()))
    named = [side for side in people if side != _OTHER]
    found = []
    for side in named:
        own, rest = used.filter(pl.col("side") == side), used.filter(pl.col("side") != side)
        others = words.comments.filter(pl.col("side") != side)["customer_key"].n_unique()
        if min(people[side], others) < ENOUGH:
            continue
        here, there = (
            dict(rows.group_by("stem").agg(pl.col("customer_key").n_unique()).rows())
            for rows in (own, rest)
        )
        found.append(
            keyness(here, there).with_columns(
                side=pl.lit(side),
                base=pl.lit(people[side], pl.Int64),
                others_base=pl.lit(others, pl.Int64),
            )
        )
    if not found:
        return pl.DataFrame(schema=_SCHEMA)
    told = pl.concat(found)
    told = told.filter(pl.col("word").is_in([word for word, n in often.items() if n >= _LEAST]))
    # both sides of a score tell the same story twice: it is tested once
    tested = told.filter(pl.col("side") == named[0]) if len(people) == 2 else told
    p_values = [two_sided(z) for z in tested["z"]]
    q_values = dict(
        zip(tested.select("side", "word").rows(), benjamini_hochberg(p_values), strict=True)
    )
    if len(people) == 2:
        q_values |= {(side, word): q for (_, word), q in q_values.items() for side in named}
    q_value = [q_values.get(key) for key in told.select("side", "word").rows()]
    apart = (
        told.with_columns(pl.Series("q_value", q_value, dtype=pl.Float64))
        .filter(
            pl.col("z") > Z,
            pl.col("first") / pl.col("base") > pl.col("second") / pl.col("others_base"),
            pl.col("first") >= max(least, _LEAST),
        )
        .join(unsafe, on=["side", "word"], how="anti", maintain_order="left")
        .group_by("side", maintain_order=True)
        .head(_SHOWN)
    )
    if named[0] != _LOW:  # segments: the one with the most telling word first
        apart = apart.sort(
            pl.col("z").max().over("side"), "side", descending=[True, False], maintain_order=True
        )
    rows = [_row(row, words) for row in apart.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _too_few_known(words: _Words, used: pl.DataFrame, least: int, report: bool) -> pl.DataFrame:
    """List side and word of what may be a name and is not of so many known customers.

    Comments of nobody known may all be of one person, who signs them. What is no name can look like
    one and the other way round: a report takes every word for one.
    """
    everybody = bool(words.comments["known"].all())
    names = names_in([] if everybody or report else words.comments["comment"])
    like = [one for one, word in words.spelled.items() if report or bare(word) in names]
    known = pl.col("customer_key").filter("known").n_unique()
    rows = used.filter(pl.col("stem").is_in(like)).group_by("side", word="stem").agg(known=known)
    return rows.filter(pl.col("known") < least)


def _row(row: _Row, words: _Words) -> _Row:
    people, others = int(row["first"]), int(row["second"])
    share, rest = wilson(people, row["base"]), wilson(others, row["others_base"])
    quote, feedback_id = _quoted(words, row["side"], row["word"])
    return {
        "side": row["side"],
        "word": words.spelled[row["word"]],
        "people": people,
        "base": row["base"],
        "share": share.value,
        "share_low": share.low,
        "share_high": share.high,
        "others": others,
        "others_base": row["others_base"],
        "others_share": rest.value,
        "others_share_low": rest.low,
        "others_share_high": rest.high,
        "log_odds": row["log_odds"],
        "z": row["z"],
        "q_value": row["q_value"],
        "quote": quote,
        "feedback_id": feedback_id,
    }


def _quoted(words: _Words, side: str, one: str) -> tuple[str | None, str | None]:
    """Return a typical sentence with a word, masked, and the id of its comment."""
    comments = words.comments
    rows = [
        at
        for at, (of, stems) in enumerate(zip(comments["side"], words.stems, strict=True))
        if of == side and one in stems
    ][:_READ_FOR_A_QUOTE]
    told = []
    for at, text in zip(rows, masked(comments["comment"][rows]), strict=True):
        places = [word for word in words_of(text) if stem(word.word.partition("'")[0]) == one]
        if places:
            told.append((at, sentence_at(text, places[0].start, places[0].end)))
    if not told:  # the word stands in what is masked
        return None, None
    sentences = [sentence for _, sentence in told]
    at, shown = told[most_typical(sentences, among=sentences)]
    shown = shown if len(shown) <= _QUOTE else shown[: _QUOTE - 1] + "…"
    return shown, str(comments["feedback_id"][at])


def _sure(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("q_value") < 0.05)


def _called(side: str, metric: str | None, heads: int = 2) -> str:
    """Say who a side of so many people is."""
    if metric is None:
        return f"of '{side}'"
    least, most, bad, good = SCALES[metric]
    low, high = (least, bad), (good, most)
    ends = low if side == _LOW else high
    return f"who {verb(heads, 'give')} {ends[0]}–{ends[1]} {_NAMES[metric]}"


def _hidden(words: _Words, people: dict[str, int], least: int) -> str:
    """Say why a report shows no word that surely tells the sides apart, where a notebook might."""
    if least and people and not words.comments["known"].any():
        return "A report shows no words here: no comment says whose it is"
    if least and not _sure(_table(words, people, 0)).is_empty():
        return f"No word that {least:,} known customers use surely tells them apart"
    return ""


def _finding(
    table: pl.DataFrame,
    people: dict[str, int],
    n: int,
    metric: str | None,
    by: str | None,
    hidden: str,
) -> str:
    if not n:
        return (
            "Cannot say: no comment stands beside a low or high score."
            if metric
            else f"Cannot say: no comment is of somebody whose {by} is known."
        )
    sizes = [
        f"{'1 person' if heads == 1 else f'{heads:,} people'} {_called(side, metric, heads)}"
        for side, heads in people.items()
    ]
    written = f"comments are of {' and '.join(sizes)}"
    if len(people) < 2:
        return f"Cannot say: all {written}, so there is nobody to compare with."
    if sum(heads >= ENOUGH for heads in people.values()) < 2:
        return (
            f"Too few to say which words tell them apart: {written}, and it takes {ENOUGH} on each "
            "side."
        )
    table = _sure(table)
    if table.is_empty():
        return f"{hidden or 'No word surely tells them apart'}: {written}."
    first = table.filter(pl.col("side") == table["side"][0])
    one = first.row(0, named=True)
    more = [f"'{word}'" for word in first["word"].to_list()[1:4]]
    text = (
        f"'{one['word']}' tells people {_called(one['side'], metric)} most surely: "
        f"{said(one['people'], one['base'])} of {one['base']:,} use it, against "
        f"{said(one['others'], one['others_base'])} of {one['others_base']:,} others"
    )
    text += f"; then {', '.join(more)}" if more else ""
    rest = table.filter(pl.col("side") != one["side"])
    if rest.height:
        side = rest["side"][0]
        theirs = [f"'{word}'" for word in rest.filter(side=side)["word"].to_list()[:4]]
        text += f". People {_called(side, metric)} rather write {', '.join(theirs)}"
    return f"{text}."


def _caveats(
    asked: pl.DataFrame, people: dict[str, int], metric: str | None, by: str | None
) -> tuple[str, ...]:
    notes = []
    none = asked.filter(pl.col("side").is_null()).height
    if metric and asked.height:
        notes.append(
            f"{none:,} of {counted(asked.height, 'comment')} beside a score {verb(none, 'stand')} "
            "beside a middling one, on neither side."
        )
    if by and none:
        notes.append(f"Left out: {counted(none, 'comment')} of nobody whose {by} is known.")
    small = [f"'{side}'" for side, heads in people.items() if heads < ENOUGH and side != _OTHER]
    if small and len(people) > 2:
        notes.append(f"Fewer than {ENOUGH} people wrote in {listed(small)}: too few to say.")
    if people:
        notes += [
            f"Of all words that at least {_LEAST} people use only those with a q_value below .05 "
            "tell more than chance would; one word stands for all its forms.",
            "A word is associated with the score or segment, not the reason for it: read the "
            "quotes. Whoever writes a comment may differ from those who write none.",
        ]
    return tuple(notes)


def _left_out(answers: pl.DataFrame, metric: str | None) -> tuple[str, ...]:
    scored = answers.filter(
        pl.col("metric") == pl.lit(metric, pl.String), pl.col("score").is_not_null()
    )
    why = {
        "on another scale than the usual one": scored.filter(~pl.col("usual")).height,
        "off its scale": scored.filter("usual", ~pl.col("sound")).height,
    }
    return tuple(
        f"Left out: {counted(n, 'comment')} beside a score {which}."
        for which, n in why.items()
        if n
    )


def _chart(table: pl.DataFrame) -> charts.Figure:
    if table.is_empty():
        return charts.nothing("No word to show that surely tells the sides apart")
    sides: Sequence[str] = table["side"].unique(maintain_order=True).to_list()
    shown = pl.concat([table.filter(pl.col("side") == side).head(8) for side in sides[:4]])
    sure = _sure(table)
    title = "No word surely tells the sides apart"
    if sure.height:
        one = sure.row(0, named=True)
        title = (
            f"'{one['word']}' tells '{one['side']}' most surely: {one['share']:.0%} use it, "
            f"{one['others_share']:.0%} of the others"
        )
    several = len(sides) > 1
    named = shown.with_columns(
        label=pl.concat_str([*(["side"] if several else []), "word"], separator=": ")
    )
    return charts.bars(
        named,
        length="share",
        low="share_low",
        high="share_high",
        label="label",
        title=title,
        unit="share of the people of that side who use the word",
        texts=[
            f"{row['people']:,} of {row['base']:,} · others {row['others_share']:.1%}"
            + ("" if row["q_value"] < 0.05 else " · not sure")
            for row in shown.iter_rows(named=True)
        ],
    )
