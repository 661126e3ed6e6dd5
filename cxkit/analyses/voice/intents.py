"""What do customers want when they write: an answer, a change, to complain?"""

from datetime import date, datetime
from typing import Any

import polars as pl

from cxkit import charts
from cxkit.errors import BadQuestion, listed
from cxkit.notes import apart_note
from cxkit.result import Result, counted, verb
from cxkit.safe import masked
from cxkit.stats.clustered import design_effect, effective
from cxkit.stats.corrected import corrected_share
from cxkit.stats.intervals import ENOUGH, Interval, benjamini_hochberg, shares_p, wilson
from cxkit.stats.segments import gathered
from cxkit.text.excerpts import most_typical, sentence_at
from cxkit.text.intent_errors import MEASURED, Measured
from cxkit.text.intents import INTENTS, find_intents
from cxkit.workspace import Workspace, query_text

QUESTION = "What do customers want when they write: an answer, a change, to complain?"
_NOTHING, _NONE, _OTHER = "nothing to report", "none of these", "not judged: other language"
_ROWS = (*INTENTS, _NOTHING, _NONE, _OTHER)
_VERBS = {
    "asking": "ask",
    "complaining": "complain",
    "suggesting": "suggest a change",
    "praising": "praise",
}
_CODED = 100  # comments coded by hand from which the sorter's mistakes are known
_READ = 2_000  # comments that are compared to find the most typical one
_UNKNOWN = Interval(*[float("nan")] * 3)
_Row = dict[str, Any]
_SPAN = pl.Struct({"intent": pl.String, "start": pl.Int64, "end": pl.Int64})
_SCHEMA: dict[str, Any] = {
    "segment": pl.String,
    "intent": pl.String,
    "comments": pl.Int64,
    "customers": pl.Int64,
    "judged": pl.Int64,
    **{
        f"{name}{end}": pl.Float64
        for name in ("share_of_judged", "corrected_share")
        for end in ("", "_low", "_high")
    },
    "q_value": pl.Float64,
    "quote": pl.String,
    "feedback_id": pl.String,
}


def intents(
    workspace: Workspace,
    *,
    by: str | None = None,
    coded: pl.DataFrame | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Sort the comments by what they want: asking, complaining, suggesting, praising.

    A comment may want several things, so that the shares need not add up to one. English only (see
    `cxkit.text.intents`); comments in other languages are counted and not judged, and where they
    are the majority, none is. Intervals are Wilson's, counting as many comments as the people
    behind them are worth.

    The sorter makes mistakes. How often, is known of other texts alone, and said in the caveats;
    it is known of yours once you have coded a hundred of them by hand, drawn at random. Then the
    share that its mistakes leave stands beside the plain one (Rogan and Gladen 1978), with an
    interval for both the coded comments and all.

    Args:
        workspace: an open store.
        by: `touchpoint`, `metric` or `question` of the survey, `region`, `source` or
            `preferred_channel` of the customer, or a field of the customers' attributes.
        coded: what comments want by your own reading: a frame with feedback_id and intent, one row
            for each thing that a comment wants and one without intent (null or "") where it wants
            nothing of the four: the form of `comments_to_code`, filled in. Rows of comments that
            are not judged do not count, and a caveat names them.
        as_of: read what was written until this moment; default: the latest time in the data.

    Returns:
        One row per segment ("all" without `by`) and intent, then "nothing to report", "none of
        these" and "not judged: other language": segment, intent, comments, customers (who wrote
        them; a comment of nobody known counts as one), judged (comments of the segment that could
        be judged), share_of_judged with _low and _high, corrected_share with _low and _high (from
        100 coded comments on, and not by segment, where mistakes may differ), q_value (with `by`:
        does the segment's share differ from that of the others? Benjamini-Hochberg over segments
        and intents), quote (the most typical sentence, masked) and its feedback_id. In a report
        there is no quote of fewer customers than the smallest group.

    Raises:
        BadQuestion: where `coded` is no such frame, or names an intent that there is not.
    """
    coded = None if coded is None else _coding(coded)
    until = workspace.moment(as_of)
    comments = workspace.query(
        "intents", as_of=until, by=workspace.segment(by, own=("touchpoint", "metric", "question"))
    )
    comments = gathered(
        comments.with_columns(one=pl.lit(1)), "one", least=workspace.least, people=comments
    )
    judged = _judged(comments)
    coded = None if coded is None else _as_written(coded, judged)
    own = _errors(judged, coded) if coded is not None else {}
    few = "" if own or coded is None else _few(_read(judged, coded).height, coded)
    strange = () if coded is None else _strange(judged, coded, workspace.least)
    foreign = 2 * int((judged["reason"] == "language").sum()) > judged.height
    table = _table(judged, foreign, workspace.least)
    if own and not by and not foreign:
        table = _corrected(table, judged, own)
    return Result(
        name="intents",
        question=QUESTION,
        table=table,
        finding=_finding(table, by, foreign),
        caveats=_caveats(table, by, foreign, own, few, strange),
        sql=query_text("intents"),
        as_of=until,
        n=comments.height,
        draw=_chart,
    )


def _judged(comments: pl.DataFrame) -> pl.DataFrame:
    """Judge each comment as an answer to its question, and put the verdict beside it."""
    found = [
        pl.concat([rows, find_intents(rows["comment"], question=question[0])], how="horizontal")
        for question, rows in comments.group_by("question", maintain_order=True)
    ]
    if not found:
        empty = find_intents(comments["comment"])
        return pl.concat([comments, empty], how="horizontal")
    return pl.concat(found).sort("feedback_id", "customer_key", "comment", nulls_last=True)


def _table(judged: pl.DataFrame, foreign: bool, least: int) -> pl.DataFrame:
    names = judged["segment"].unique(maintain_order=True).to_list() or ["all"]
    names.sort(key=lambda name: (name == "other", -int((judged["segment"] == name).sum()), name))
    rows = [
        row
        for name in names
        for row in _segment(name, judged.filter(pl.col("segment") == name), foreign, least)
    ]
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    table = table.with_columns(pl.selectors.float().fill_nan(None))
    return _compared(table, judged) if len(names) > 1 and not foreign else table


def _held(judged: pl.DataFrame) -> dict[str, pl.Series]:
    """Return which comments each row of the table counts."""
    sure = judged["reason"].is_null()
    held = {name: judged[name].fill_null(False) for name in INTENTS}
    held[_NOTHING] = judged["nothing"].fill_null(False)
    some = judged.select(pl.any_horizontal(*INTENTS, "nothing").fill_null(False)).to_series()
    return {**held, _NONE: sure & ~some, _OTHER: ~sure}


def _segment(name: str, judged: pl.DataFrame, foreign: bool, least: int) -> list[_Row]:
    base = int(judged["reason"].is_null().sum())
    rows = []
    for intent, held in _held(judged).items():
        who = judged.filter(held)
        row: _Row = {
            "segment": name,
            "intent": intent,
            "comments": who.height,
            "customers": who["customer_key"].n_unique(),
            "judged": base,
        }
        if intent != _OTHER and not foreign:
            row |= _ends("share_of_judged", wilson(*_counts(judged, held)))
            if intent in INTENTS and row["customers"] >= max(1, least):
                row |= _quote(who, intent)
        rows.append(row)
    return rows


def _coding(coded: object) -> pl.DataFrame:
    """Return what was coded by hand as texts, without intent where a comment wants nothing."""
    takes = f"It takes feedback_id and intent, which is one of {listed(INTENTS)} or empty."
    if not isinstance(coded, pl.DataFrame):
        raise BadQuestion(f"The coded comments are no polars frame but {coded!r:.40}. {takes}")
    columns = ("feedback_id", "intent")
    if lacking := set(columns) - set(coded.columns):
        raise BadQuestion(f"The coded comments are a frame that lacks {listed(lacking)}. {takes}")
    if nested := [name for name in columns if coded[name].dtype.is_nested()]:
        raise BadQuestion(f"The coded comments hold lists as {listed(nested)}. {takes}")
    told = coded.select(pl.col(columns).cast(pl.String)).with_columns(
        pl.col("intent").str.strip_chars().str.to_lowercase().replace("", None)
    )
    if unknown := set(told["intent"].drop_nulls()) - set(INTENTS):
        raise BadQuestion(
            f"The coded comments are a frame that names the intents {listed(unknown)}. {takes}"
        )
    return told


def _as_written(coded: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Undo the apostrophe that the form puts before ids that a spreadsheet might run."""
    name = pl.col("feedback_id")
    plain = name.str.replace(r"^'([\s\x{FEFF}]*[=+\-@＝＋－＠])", "$1")
    own = name.is_in(judged["feedback_id"].unique().implode())  # an id may begin with one
    return coded.with_columns(feedback_id=pl.when(own).then(name).otherwise(plain))


def _strange(judged: pl.DataFrame, coded: pl.DataFrame, least: int) -> tuple[str, ...]:
    """Say which coded rows are of no judged comment; a report names no ids."""
    known = judged.filter(pl.col("reason").is_null())["feedback_id"].unique().implode()
    has_id = pl.col("feedback_id").fill_null("") != ""
    ids = coded.filter(has_id, ~pl.col("feedback_id").is_in(known))["feedback_id"].unique()
    parts = []
    if len(ids):
        names = "" if least else f" ({listed((f'{name:.40}' for name in ids), most=3)})"
        parts.append(f"{counted(len(ids), 'id')} of no judged comment{names}")
    if without := coded.filter(~has_id).height:
        parts.append(f"{counted(without, 'row')} without an id")
    return (f"Left out of the coded comments: {', and '.join(parts)}.",) if parts else ()


def _read(judged: pl.DataFrame, coded: pl.DataFrame) -> pl.DataFrame:
    """Return the judged comments that were coded by hand as well."""
    ids = coded["feedback_id"].unique().implode()
    return judged.filter(pl.col("reason").is_null(), pl.col("feedback_id").is_in(ids))


def _errors(judged: pl.DataFrame, coded: pl.DataFrame) -> dict[str, Measured]:
    """Return how often the sorter was right on the coded comments; nothing below a hundred."""
    read = _read(judged, coded)
    if read.height < _CODED:
        return {}
    errors = {}
    for intent in INTENTS:
        wanted = coded.filter(pl.col("intent") == intent)["feedback_id"].implode()
        truly, found = read["feedback_id"].is_in(wanted), read[intent].fill_null(False)
        errors[intent] = Measured(
            (int((truly & found).sum()), int(truly.sum())),
            (int((~truly & ~found).sum()), int((~truly).sum())),
            "the comments that you coded",
        )
    return errors


def _corrected(
    table: pl.DataFrame, judged: pl.DataFrame, errors: dict[str, Measured]
) -> pl.DataFrame:
    """Put the share that the sorter's mistakes leave beside the plain one."""
    told = []
    for intent, held in _held(judged).items():
        row: _Row = {"intent": intent, **_ends("corrected_share", _UNKNOWN)}
        if intent in errors:
            x, n = (round(count) for count in _counts(judged, held))
            row |= _ends("corrected_share", corrected_share((x, n), *errors[intent][:2]))
        told.append(row)
    kinds = {name: _SCHEMA[name] for name in told[0]}
    frame = pl.DataFrame(told, schema=kinds).with_columns(pl.selectors.float().fill_nan(None))
    return table.update(frame, on="intent").select(list(_SCHEMA))


def _counts(judged: pl.DataFrame, held: pl.Series) -> tuple[float, float]:
    """Return how many of the judged comments, as people for independent would have written them."""
    people = (
        judged.with_columns(held=held)
        .filter(pl.col("reason").is_null())
        .group_by("customer_key", maintain_order=True)
        .agg(pl.col("held").sum().cast(pl.Float64), n=pl.len().cast(pl.Float64))
    )
    if people.is_empty():
        return 0.0, 0.0
    x, n = people["held"].to_numpy(), people["n"].to_numpy()
    return effective(float(x.sum()), float(n.sum()), design_effect(x, n))


def _quote(who: pl.DataFrame, intent: str) -> _Row:
    """Return the most typical of the sentences that want it, and whose comment it is of."""
    some = who.head(_READ)
    told = []
    for at, (text, spans) in enumerate(_masked_with_spans(some).iter_rows()):
        span = next((span for span in spans if span["intent"] == intent), None)
        if span or text == some["comment"][at]:
            told.append((at, sentence_at(text, span["start"], span["end"]) if span else text))
    if not told:  # what wants it is masked
        return {}
    sentences = [sentence for _, sentence in told]
    at, shown = told[most_typical(sentences, among=sentences)]
    return {"quote": shown, "feedback_id": some["feedback_id"][at]}


def _masked_with_spans(comments: pl.DataFrame) -> pl.DataFrame:
    """Mask whole comments, since the words before a number tell what it is; spans move with it."""
    texts, spans = masked(comments["comment"]).to_list(), comments["spans"].to_list()
    changed: dict[str | None, list[int]] = {}
    for at, (before, question) in enumerate(comments.select("comment", "question").iter_rows()):
        if texts[at] != before:
            changed.setdefault(question, []).append(at)
    for question, places in changed.items():
        again = find_intents([texts[at] for at in places], languages=["en"], question=question)
        for at, found in zip(places, again["spans"].to_list(), strict=True):
            spans[at] = found
    return pl.DataFrame(
        {"comment": texts, "spans": spans}, schema={"comment": pl.String, "spans": pl.List(_SPAN)}
    )


def _ends(name: str, told: Interval) -> _Row:
    return {name: told.value, f"{name}_low": told.low, f"{name}_high": told.high}


def _compared(table: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Test each segment's share of each intent against that of all others."""
    held = _held(judged)
    keys, p_values = [], []
    for name, intent in table.select("segment", "intent").rows():
        mine = judged["segment"] == name
        own, rest = (
            _counts(judged.filter(side), held[intent].filter(side)) for side in (mine, ~mine)
        )
        if intent in INTENTS and min(own[1], rest[1]) >= ENOUGH:
            keys.append((name, intent))
            p_values.append(shares_p(*own, *rest))
    told = dict(zip(keys, benjamini_hochberg(p_values), strict=True))
    q_values = [told.get(key) for key in table.select("segment", "intent").rows()]
    return table.with_columns(pl.Series("q_value", q_values, dtype=pl.Float64))


def _counts_of(table: pl.DataFrame) -> tuple[int, int, dict[str, int]]:
    """Return all comments, those judged, and the comments per row name over all segments."""
    whole = dict(table.group_by("intent").agg(pl.col("comments").sum()).iter_rows())
    judged = int(table.unique("segment")["judged"].sum())
    return judged + whole[_OTHER], judged, whole


def _finding(table: pl.DataFrame, by: str | None, foreign: bool) -> str:
    comments, judged, whole = _counts_of(table)
    if comments == 0:
        return "There are no comments: nobody has written anything yet."
    if foreign:
        return (
            f"Cannot say: {whole[_OTHER]:,} of {counted(comments, 'comment')} "
            f"{verb(whole[_OTHER], 'are')} not English, and intents are read in English only."
        )
    if judged < ENOUGH:
        return (
            f"Of {counted(comments, 'comment')} {judged:,} could be judged: too few to say what "
            "customers want."
        )
    if by:
        return _segments_differ(table, by, judged)
    shares = {row["intent"]: row for row in table.iter_rows(named=True)}
    order = sorted(INTENTS, key=lambda name: -shares[name]["comments"])
    told = [f"{_share(shares[name], 'share_of_judged')} {_VERBS[name]}" for name in order]
    text = f"Of {comments:,} comments {judged:,} could be judged: {', '.join(told[:-1])} and "
    return f"{text}{told[-1]}."


def _share(row: _Row, name: str) -> str:
    low, high = 100 * row[f"{name}_low"], 100 * row[f"{name}_high"]
    return f"{100 * row[name]:.1f} % ({low:.1f}–{high:.1f})"


def _apart(table: pl.DataFrame) -> _Row | None:
    """Return the segment and intent that differ most surely from the others'."""
    rows = table.filter(pl.col("q_value") < 0.05).sort("q_value", "segment", "intent")
    return rows.row(0, named=True) if rows.height else None


def _segments_differ(table: pl.DataFrame, by: str, judged: int) -> str:
    row = _apart(table)
    if table["segment"].n_unique() == 1:
        return (
            f"All {counted(judged, 'judged comment')} fall in one segment, "
            f"'{table['segment'][0]}': by {by} there is nothing to compare."
        )
    if row is None:
        return (
            f"By {by} no segment's comments surely want something else than the others' "
            f"({judged:,} judged)."
        )
    rest = table.filter((pl.col("intent") == row["intent"]) & (pl.col("segment") != row["segment"]))
    others, of = int(rest["comments"].sum()), int(rest["judged"].sum())
    return (
        f"By {by} '{row['segment']}' stands out: {_share(row, 'share_of_judged')} of "
        f"{row['judged']:,} judged comments {_VERBS[row['intent']]}, against "
        f"{100 * others / of:.1f} % of the {of:,} others."
    )


def _caveats(
    table: pl.DataFrame,
    by: str | None,
    foreign: bool,
    own: dict[str, Measured],
    few: str,
    strange: tuple[str, ...],
) -> tuple[str, ...]:
    comments, _, whole = _counts_of(table)
    if comments == 0 or foreign:
        return ()
    notes = ["A comment may want several things: the shares need not add up to 100 %."]
    if whole[_OTHER]:
        notes.append(
            f"{counted(whole[_OTHER], 'comment')} in another language "
            f"{'was' if whole[_OTHER] == 1 else 'were'} not judged."
        )
    notes += _mistakes(table, own)
    notes += strange
    if own and by:
        notes.append("Shares are not corrected by segment: the sorter may err otherwise in each.")
    if not own:
        notes.append(
            "No share is corrected for mistakes, since those on your comments are unknown. "
            f"{few}Code {_CODED} judged ones, drawn at random by comments_to_code, and ask with "
            "coded=."
        )
    notes.append(
        "Whoever writes a comment may want other things than those who write none. Addresses and "
        "numbers in quotes are masked, names are not: read before you pass them on."
    )
    if by:
        notes += [
            f"Only {counted(n, 'comment')} of '{segment}' could be judged: too few to say."
            for segment, n in table.unique("segment", maintain_order=True)
            .select("segment", "judged")
            .rows()
            if n < ENOUGH
        ]
        notes.append(apart_note(by))
    return tuple(notes)


def _few(read: int, coded: pl.DataFrame) -> str:
    """Say why the comments coded by hand tell nothing of the sorter's mistakes."""
    ids = coded["feedback_id"].replace("", None).drop_nulls().n_unique()
    if not ids:
        return ""
    if not read:
        which = f"None of the {ids:,} coded ids is" if ids > 1 else "The one coded id is not"
        return f"{which} that of a judged comment. "
    if read == ids:
        return f"{counted(ids, 'coded comment')} {verb(ids, 'are')} too few. "
    return f"Of {counted(ids, 'coded comment')} {read:,} {verb(read, 'are')} judged: too few. "


def _mistakes(table: pl.DataFrame, own: dict[str, Measured]) -> list[str]:
    """Say how often the sorter was right, and on which texts."""
    notes = []
    for intent, error in (own or MEASURED).items():
        found, truly = error.sensitivity
        taken = found + error.specificity[1] - error.specificity[0]
        other = "" if own else ", which are not yours,"
        told = (
            f"On {error.texts}{other} the sorter found {found:,} of {truly:,} that "
            f"{_VERBS[intent]}, and {found:,} of the {taken:,} that it took for such do"
        )
        row = table.filter(intent=intent).row(0, named=True) if own else {}
        if row.get("corrected_share") is not None:
            told += f": corrected for that, {_share(row, 'corrected_share')}"
        notes.append(f"{told}.")
    unknown = [] if own else [intent for intent in INTENTS if intent not in MEASURED]
    if unknown:
        notes.append(f"How often it errs about {' and '.join(unknown)} was measured on no text.")
    return notes


def _chart(table: pl.DataFrame) -> charts.Figure:
    _, judged, whole = _counts_of(table)
    rows = table.filter(pl.col("intent") != _OTHER, pl.col("share_of_judged").is_not_null())
    if rows.is_empty():
        return charts.nothing("No comment could be judged")
    parts = table["segment"].n_unique() > 1
    most = max(INTENTS, key=lambda name: whole[name])
    title = f"{whole[most] / judged:.0%} of {counted(judged, 'judged comment')} {_VERBS[most]}"
    if parts:
        apart = _apart(table)
        title = "No segment's comments surely want something else"
        if apart:
            title = f"'{apart['segment']}' stands out: {apart['share_of_judged']:.0%} "
            title += _VERBS[apart["intent"]]
        rows = rows.filter(pl.col("intent").is_in(INTENTS))
    return charts.bars(
        rows,
        length="share_of_judged",
        low="share_of_judged_low",
        high="share_of_judged_high",
        label="intent",
        group="segment" if parts else None,
        title=title,
        unit="share of the comments that could be judged; one may want several things",
        texts=[
            f"{row['comments']:,} · {row['share_of_judged']:.0%}"
            for row in rows.iter_rows(named=True)
        ],
    )
