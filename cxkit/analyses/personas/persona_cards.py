"""Who is each persona: what do they do, why, how, when, and what are they worth?"""

from collections.abc import Sequence
from datetime import date, datetime
from math import sqrt
from typing import Any

import polars as pl

from cxkit.cards import Block, Card, Part, Row
from cxkit.errors import names
from cxkit.lapse import lapse_rule
from cxkit.notes import end_note
from cxkit.persona_keep import kept_for, kept_note
from cxkit.persona_model import (
    EXAMPLE,
    Fitted,
    carded,
    common_prefix,
    fields_note,
    fit_personas,
    persona_people,
    score_people,
)
from cxkit.result import Result
from cxkit.safe import masked
from cxkit.stats import intervals
from cxkit.stats.clusters import HIGHLY, NAMED, STABLE
from cxkit.stats.intervals import ENOUGH, benjamini_hochberg, shuffled_p, wilson
from cxkit.text.channels import channel_names
from cxkit.workspace import Workspace, query_text

QUESTION = "Who is each persona: what do they do, why, how and when, and what are they worth?"
_LIFTED = ("buys", "looks at", "does", "asks about")  # compared item by item
_MIXES = ("orders through", "asks through", "asks for")
_CLOCKS = {
    "hour": [str(n) for n in range(0, 24, 3)],  # three hours each
    "weekday": [str(n) for n in range(1, 8)],
    "season": [str(n) for n in range(4)],
}
_SHOWN = 5  # items of a kind on a card
_QUOTES = 3
_LONG = 280  # characters of a quote on a card; the table has it whole
_TRAITS = 8
_FEW_WORDS = 4  # "Great!" tells nothing: it comes last, as in `quotes`


def persona_cards(
    workspace: Workspace,
    *,
    features: Sequence[str] | None = None,
    as_of: date | datetime | str | None = None,
) -> Result:
    """Show one card per persona: what they do, why, how and when, their value and their spread.

    A share such as "31 % of their orders" counts every person alike: it is the mean over people of
    the share of their own orders (tickets, visits), so that a persona of heavy buyers does not
    seem to like everything. Lift is that share over everyone's.

    Args:
        workspace: an open store.
        features: as for `personas`; default: those of the personas that are kept in the store,
            which the cards then show as `tag_customers` gives them, else as for `personas`.
        as_of: as for `personas`.

    Returns:
        One row per persona and fact, as the cards show them: persona, part (who, what, why, how,
        when, value), about (of what kind the fact is), item, base (people with any of the kind),
        customers (of them with the item), share with its interval (_low, _high; Wilson's for a
        share of people, Student's for a mean of shares), share_of_all, lift and q_value (against
        everyone, as if the groups were drawn at random: the permutation test in its normal
        approximation, Benjamini and Hochberg over all items of all personas; only items of at
        least 30 people), stands_out (lift above 1 and q below .05),
        low_quartile, median and high_quartile of measures of people, median_of_all, row_id (of a
        quote: its feedback_id). Of a kind in which nothing stands out the three most frequent
        items are there. Quotes are from those nearest the persona's centre, and masked. Beside them
        stands of how many they are: who left a comment (writes), and who of those asked for
        feedback gave any (answers; only where silence is recorded).

    Raises:
        BadQuestion: as `personas` does.
        CxError: where the kept personas are damaged.
    """
    asked = None if features is None else names("features", features, EXAMPLE)
    kept = kept_for(workspace, asked)
    fitted = score_people(workspace, kept, as_of) if kept else fit_personas(workspace, asked, as_of)
    until = workspace.moment(as_of)
    people = carded(fitted, workspace.least)
    least = max(1, workspace.least)
    rows = _who(fitted, people, least)
    notes: tuple[str, ...] = ()
    if people.height:
        channels = workspace.query("channel_names", as_of=until)["channel"]
        counts = workspace.query(
            "persona_cards",
            ids=people["customer_id"].to_list(),
            personas=people["persona"].to_list(),
            as_of=until,
            zone=workspace.settings.company.timezone,
            **channel_names(channels),
        )
        shares = _shares(counts.filter(pl.col("customers") >= least), people)
        rule = lapse_rule(workspace, until)
        values = workspace.query(
            "persona_values",
            as_of=until,
            zone=workspace.settings.company.timezone,
            currency=workspace.settings.company.currency,
        )
        measures = persona_people(workspace, ("median_gap_days", "mean_basket"), as_of)
        quotes = workspace.query("themes", as_of=until).rename({"customer_key": "customer_id"})
        rows += _what_why_how_when(shares)
        rows += _value(people, values, measures.drop("orders"), rule.days)
        rows += _voices(fitted, people, quotes)
        rows += _answers(people, workspace.query("persona_answers", as_of=until))
        notes = (rule.source,)
    if kept:
        notes = (kept_note(workspace, kept), *notes)
    table = _table(rows, people)
    used = [
        *fitted.model.features,
        *(["preferred_channel"] if "asks for" in table["about"] else []),
    ]
    return Result(
        name="persona_cards",
        question=QUESTION,
        table=table,
        finding=_finding(table, fitted),
        caveats=(
            *_caveats(table, fitted, people),
            *notes,
            *fields_note(workspace, used, until),
            *end_note(workspace, as_of),
        ),
        sql=query_text("persona_cards"),
        as_of=until,
        n=fitted.people.height,
        deal=_deal,
    )


# --- asking --------------------------------------------------------------------------------------


def _fact(persona: str, part: str, about: str, item: str, **more: Any) -> dict[str, Any]:
    return {"persona": persona, "part": part, "about": about, "item": item, **more}


def _of_people(customers: int, base: int) -> dict[str, Any]:
    share = wilson(customers, base)
    told: dict[str, Any] = {"customers": customers, "base": base}
    if base:
        told |= {"share": share.value, "share_low": share.low, "share_high": share.high}
    return told


def _quartiles(values: pl.Series, everyone: pl.Series) -> dict[str, Any]:
    known = values.cast(pl.Float64).drop_nulls()
    return {
        "base": len(known),
        "low_quartile": known.quantile(0.25, "linear"),
        "median": known.median(),
        "high_quartile": known.quantile(0.75, "linear"),
        "median_of_all": everyone.cast(pl.Float64).median(),
    }


def _who(fitted: Fitted, people: pl.DataFrame, least: int) -> list[dict[str, Any]]:
    rows = []
    prefix = common_prefix([feature.name for feature in fitted.model.prepared.features])
    jaccard = {p.name: p.jaccard for p in fitted.model.personas}
    for name in people["persona"].unique(maintain_order=True):
        group = people.filter(pl.col("persona") == name)
        size = _of_people(group.height, people.height)
        rows.append(_fact(name, "who", "size", fitted.word, **size))
        if name in jaccard:
            rows.append(
                _fact(name, "who", "stability", _holds(jaccard[name]), median=jaccard[name])
            )
        for feature in fitted.model.prepared.features:
            title = feature.name.removeprefix(prefix).replace("_", " ")
            if feature.levels:
                for level in feature.levels:
                    hits = int((group[feature.name] == level).sum())
                    if 0 < hits < least:
                        continue
                    told = _of_people(hits, group.height)
                    all_ = int((people[feature.name] == level).sum()) / people.height
                    rows.append(_fact(name, "who", title, str(level), **told, share_of_all=all_))
            else:
                told = _quartiles(group[feature.name], people[feature.name])
                rows.append(_fact(name, "who", "feature", title, **told))
    return rows


def _holds(jaccard: float) -> str:
    if jaccard < NAMED:
        return "does not hold"
    if jaccard < STABLE:
        return "doubtful"
    return "stable" if jaccard < HIGHLY else "highly stable"


def _shares(counts: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return one row per persona, kind and item, with its interval, lift and q-value."""
    personas = people["persona"].unique().sort().to_frame()
    items = counts.select("about", "item").unique()
    bases = counts.select("persona", "about", "base").unique()
    frame = (
        personas.join(items, how="cross")
        .join(bases, on=["persona", "about"], how="inner")
        .join(counts.drop("base"), on=["persona", "about", "item"], how="left")
        .with_columns(pl.col("customers", "total", "squares").fill_null(0))
        .sort("persona", "about", "item")
    )
    sums = {c: pl.col(c).sum().over("about", "item") for c in ("base", "customers", "total")}
    frame = frame.with_columns(
        **{f"all_{name}": expression for name, expression in sums.items()},
        all_squares=pl.col("squares").sum().over("about", "item"),
    )
    rows = []
    for row in frame.iter_rows(named=True):
        n, rest = row["base"], row["all_base"] - row["base"]
        ends = intervals.mean(n, row["total"], row["squares"], 0, 1)
        row["share"] = row["total"] / n
        row["share_low"], row["share_high"] = (
            None if end != end else end for end in (ends.low, ends.high)
        )
        row["share_of_all"] = row["all_total"] / row["all_base"]
        row["lift"] = row["share"] / row["share_of_all"]
        row["p"] = None
        enough = min(n, rest, row["all_customers"]) >= ENOUGH
        if row["about"] in _LIFTED and enough:
            all_ = (row["all_base"], row["all_total"], row["all_squares"])
            row["p"] = shuffled_p(n, row["total"], *all_)
        rows.append(row)
    tested = [row for row in rows if row["p"] is not None]
    for row, q in zip(tested, benjamini_hochberg([row["p"] for row in tested]), strict=True):
        row["q_value"] = q
    return (
        pl.DataFrame(
            [{"q_value": None, **row} for row in rows],
            schema_overrides={"q_value": pl.Float64},
            infer_schema_length=None,
        ).with_columns(
            stands_out=((pl.col("q_value") < 0.05) & (pl.col("lift") > 1)).fill_null(False)
        )
        if rows
        else pl.DataFrame()
    )


def _what_why_how_when(shares: pl.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if shares.is_empty():
        return rows
    for (persona, about), found in shares.group_by("persona", "about", maintain_order=True):
        part = "why" if about == "asks about" else "what" if about in _LIFTED else "how"
        if about in _CLOCKS:
            part = "when"
            order = pl.DataFrame({"item": _CLOCKS[about]})
            chosen = order.join(found, on="item", how="left", maintain_order="left")
            chosen = chosen.with_columns(
                pl.col("customers", "share", "share_of_all").fill_null(0),
                base=pl.lit(found["base"].max()),
            )
        elif about in _MIXES:
            chosen = found.filter(pl.col("share") > 0).sort(
                "share", "item", descending=[True, False]
            )
        else:
            chosen = found.filter("stands_out").sort("lift", "item", descending=[True, False])
            if chosen.is_empty():
                chosen = found.filter(pl.col("share") > 0).sort(
                    "share", "item", descending=[True, False]
                )
                chosen = chosen.head(3)
        told = chosen if about in _CLOCKS else chosen.head(_SHOWN)
        rows += [
            _fact(str(persona), part, str(about), row["item"]) | {k: row[k] for k in _FACTS}
            for row in told.iter_rows(named=True)
        ]
    return rows


_FACTS = (
    "customers", "base", "share", "share_low", "share_high", "share_of_all", "lift", "q_value",
    "stands_out",
)  # fmt: skip


def _value(
    people: pl.DataFrame, values: pl.DataFrame, measures: pl.DataFrame, lapse_days: int
) -> list[dict[str, Any]]:
    everyone = (
        people.select("customer_id", "persona")
        .join(values, on="customer_id", how="left", maintain_order="left")
        .join(measures, on="customer_id", how="left", maintain_order="left")
    )
    currency = values["currency"][0] if values.height else None
    one = currency is not None and "," not in currency
    spent = everyone["revenue"].fill_null(0)
    rows = []
    for name in people["persona"].unique(maintain_order=True):
        group = everyone.filter(pl.col("persona") == name)
        buyers = group.filter(pl.col("orders").is_not_null())
        if one and spent.sum() > 0:
            rows.append(
                _fact(name, "value", "revenue", "share of revenue", base=len(spent))
                | _share_of(spent, everyone["persona"] == name)
            )
            for column, item in (("revenue", "revenue"), ("mean_basket", "basket")):
                told = _quartiles(group[column], everyone[column])
                rows.append(_fact(name, "value", item, str(currency), **told))
        told = _quartiles(group["orders"], everyone["orders"])
        rows.append(_fact(name, "value", "orders", "orders", **told))
        lapsed = int((buyers["silence"] > lapse_days).sum())
        all_ = everyone.filter(pl.col("orders").is_not_null())
        rate = (all_["silence"] > lapse_days).mean() if all_.height else None
        rows.append(
            _fact(name, "value", "lapsed", f"silent for more than {lapse_days} days")
            | _of_people(lapsed, buyers.height)
            | {"share_of_all": rate}
        )
        told = _quartiles(group["median_gap_days"], everyone["median_gap_days"])
        rows.append(_fact(name, "when", "gap", "days between orders", **told))
    return rows


def _share_of(spent: pl.Series, mine: pl.Series) -> dict[str, Any]:
    """Return a group's share of a sum, with the interval of a ratio of two totals."""
    total, n = float(spent.sum()), len(spent)
    share = float(spent.filter(mine).sum()) / total
    away = spent * (mine.cast(pl.Float64) - share)
    half = intervals.Z * sqrt(float((away**2).sum()) * n / max(n - 1, 1)) / total
    return {
        "customers": int(mine.sum()),
        "share": share,
        "share_low": max(0.0, share - half),
        "share_high": min(1.0, share + half),
    }


def _voices(fitted: Fitted, people: pl.DataFrame, quotes: pl.DataFrame) -> list[dict[str, Any]]:
    """Return up to three comments per persona, of those nearest its centre, and how many wrote."""
    near = people.with_columns(
        away=pl.Series(fitted.model.distances(people, people["label"].to_list()), dtype=pl.Float64)
    ).select("customer_id", "persona", "away")
    said = (
        near.join(quotes, on="customer_id", how="inner")
        .with_columns(short=pl.col("comment").str.count_matches(r"\w+") < _FEW_WORDS)
        .sort("short", "away", "customer_id", "feedback_id", "comment")
    )
    rows = []
    for name in people["persona"].unique(maintain_order=True):
        own = said.filter(pl.col("persona") == name)
        base = int((people["persona"] == name).sum())
        wrote = own["customer_id"].n_unique()
        rows.append(_fact(name, "why", "writes", "comments") | _of_people(wrote, base))
        chosen = own.unique("customer_id", keep="first", maintain_order=True).head(_QUOTES)
        rows += [
            _fact(name, "why", "quote", text, row_id=row_id)
            for text, row_id in zip(masked(chosen["comment"]), chosen["feedback_id"], strict=True)
        ]
    return rows


def _answers(people: pl.DataFrame, asked: pl.DataFrame) -> list[dict[str, Any]]:
    """Return how many of those asked for feedback gave any; nothing where silence is not recorded.

    An export without one unanswered invitation is one of answers, as for `score`.
    """
    if asked["answered"].all():
        return []
    rows = []
    own = people.join(asked, on="customer_id", how="inner")
    for name in people["persona"].unique(maintain_order=True):
        group = own.filter(pl.col("persona") == name)
        answered = int(group["answered"].sum())
        rows.append(_fact(name, "why", "answers", "surveys") | _of_people(answered, group.height))
    return rows


_SCHEMA = {
    "persona": pl.String,
    "part": pl.String,
    "about": pl.String,
    "item": pl.String,
    "base": pl.Int64,
    "customers": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "share_of_all": pl.Float64,
    "lift": pl.Float64,
    "q_value": pl.Float64,
    "stands_out": pl.Boolean,
    "low_quartile": pl.Float64,
    "median": pl.Float64,
    "high_quartile": pl.Float64,
    "median_of_all": pl.Float64,
    "row_id": pl.String,
}


def _table(rows: list[dict[str, Any]], people: pl.DataFrame) -> pl.DataFrame:
    """Return the facts card by card, the largest persona first."""
    sizes = people["persona"].value_counts().sort("count", "persona", descending=[True, False])
    cards = sizes["persona"].to_list()
    parts = ["who", "what", "why", "how", "when", "value"]
    frame = pl.DataFrame([{**dict.fromkeys(_SCHEMA), **row} for row in rows], schema=_SCHEMA)
    places = [("persona", cards), ("part", parts)]
    return frame.sort(
        *(
            pl.col(name).replace_strict(order, range(len(order)), return_dtype=pl.Int64)
            for name, order in places
            if order
        ),
        maintain_order=True,
    ).with_columns(pl.selectors.float().round(4))


# --- saying --------------------------------------------------------------------------------------


def _finding(table: pl.DataFrame, fitted: Fitted) -> str:
    if table.is_empty() and fitted.model.personas:
        return "Of nobody enough is known to be one of the kept personas, so there are no cards."
    if table.is_empty():
        return "There are no personas that hold, so there are no cards (see personas)."
    money = table.filter(about="revenue", item="share of revenue").sort(
        "share", "persona", descending=[True, False]
    )
    sizes = table.filter(about="size")
    cards = f"{sizes.height} personas" if sizes.height > 1 else "1 persona"
    n = f"{fitted.assigned:,} {'buyers' if fitted.word == 'buyer' else 'people'}"
    if money.is_empty():
        return f"{cards} among {n}; revenue cannot be shared out."
    most = money.row(0, named=True)
    size = sizes.filter(persona=most["persona"]).row(0, named=True)
    few = " (too few to say)" if size["customers"] < ENOUGH else ""
    return (
        f"{cards} among {n}: '{most['persona']}', {_share(size)} of them, brings {_share(most)} of "
        f"revenue{few}."
    )


def _share(row: dict[str, Any]) -> str:
    if row["share_low"] is None:
        return f"{100 * row['share']:.1f} %"
    return (
        f"{100 * row['share']:.1f} % ({100 * row['share_low']:.1f}–{100 * row['share_high']:.1f})"
    )


def _caveats(table: pl.DataFrame, fitted: Fitted, people: pl.DataFrame) -> tuple[str, ...]:
    if table.is_empty():
        return ()
    notes = [
        "A persona is a group of people, not a person: the quartiles say how far its people "
        "differ, and what goes with a persona is associated with it, not caused by it.",
        "Each person counts alike in shares of orders, tickets and visits. An item stands out "
        "where its share is larger than the others' (q below .05 among all comparisons, 30 people "
        "or more).",
    ]
    wrote = table.filter(about="writes")
    if wrote["customers"].sum():
        notes.append(
            f"Quotes illustrate, they do not count: {_summed(wrote, 'people')} left a comment."
            f"{_silent(table)} Addresses and numbers are masked, names are not: read before you "
            "pass them on."
        )
    small = table.filter((pl.col("about") == "size") & (pl.col("customers") < ENOUGH))
    for row in small.iter_rows(named=True):
        notes.append(f"'{row['persona']}' has only {row['customers']:,} people: too few to say.")
    lost = fitted.people.height - people.height
    if lost:
        share = f"{100 * lost / fitted.people.height:.1f} %"
        notes.append(f"{lost:,} ({share}) are in no persona: too little is known of them.")
    return tuple(notes)


def _summed(rows: pl.DataFrame, of: str) -> str:
    hits, base = int(rows["customers"].sum()), int(rows["base"].sum())
    return f"{hits:,} of {base:,} {of} ({100 * hits / base:.1f} %)"


def _silent(table: pl.DataFrame) -> str:
    """Say how many answered when asked, and that it is not known what the others think."""
    asked = table.filter(about="answers")
    answered = f" {_summed(asked, 'asked for feedback')} gave any." if asked["base"].sum() else ""
    return f"{answered} Those who kept silent may feel otherwise."


# --- dealing the cards ---------------------------------------------------------------------------


def _deal(table: pl.DataFrame) -> list[Card]:
    spans = _spans(table)
    return [
        _card(name, table.filter(pl.col("persona") == name), spans)
        for name in table["persona"].unique(maintain_order=True)
    ]


def _spans(table: pl.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the axis of each measure, the same on all cards."""
    spans = (
        table.filter(pl.col("low_quartile").is_not_null())
        .group_by("about", "item")
        .agg(
            pl.min_horizontal("low_quartile", "median_of_all").min().alias("low"),
            pl.max_horizontal("high_quartile", "median_of_all").max().alias("high"),
        )
    )
    return {(about, item): (low, high) for about, item, low, high in spans.iter_rows()}


def _card(
    name: str, facts: pl.DataFrame, spans: dict[tuple[str, str], tuple[float, float]]
) -> Card:
    size = facts.filter(about="size").row(0, named=True)
    stability = facts.filter(about="stability").to_dicts()
    holds = (
        f" The group is {stability[0]['item']} (Jaccard {stability[0]['median']:.2f})."
        if stability
        else " Small groups, put together."
    )
    many = {"buyer": "buyers", "person": "people"}[size["item"]]
    few = size["customers"] < ENOUGH
    return Card(
        title=name[:1].upper() + name[1:],
        lead=f"{size['customers']:,} of {size['base']:,} {many}, {_share(size)}.{holds}",
        figures=_figures(facts),
        parts=tuple(
            part
            for part in (
                Part("Who they are", _blocks(_traits(facts, spans), *_kinds(facts))),
                Part("How much and how often they buy", _blocks(_worth(facts, spans))),
                Part("What they do", _items(facts, "what"), wide=True),
                Part("Why they turn to us", _items(facts, "why") + _quotes(facts), wide=True),
                Part("How they reach us", _mixes(facts), wide=True),
                Part("When they order", _times(facts), wide=True),
            )
            if part.blocks
        ),
        warning=f"Only {size['customers']:,} people: too few to say." if few else "",
    )


def _blocks(*blocks: Block) -> tuple[Block, ...]:
    return tuple(block for block in blocks if block.rows)


def _figures(facts: pl.DataFrame) -> tuple[Row, ...]:
    made = []
    for about, label in (("revenue", "of revenue"), ("lapsed", "have lapsed")):
        for row in facts.filter(pl.col("about") == about, pl.col("share").is_not_null()).to_dicts():
            if about == "revenue" or row["base"] >= ENOUGH:
                made.append(Row(f"{label} ({_ends(row)})", f"{100 * row['share']:.0f} %"))
            else:
                made.append(Row(f"{label}: too few to say", f"{row['customers']} of {row['base']}"))
    for about, label in (("basket", "median basket"), ("gap", "median days between orders")):
        for row in facts.filter(
            pl.col("about") == about, pl.col("median").is_not_null()
        ).to_dicts():
            unit = f" {row['item']}" if about == "basket" else ""
            quartiles = f"{_number(row['low_quartile'])} to {_number(row['high_quartile'])}"
            made.append(
                Row(f"{label} (half of them {quartiles})", f"{_number(row['median'])}{unit}")
            )
    return tuple(made)


def _ends(row: dict[str, Any]) -> str:
    return f"{100 * row['share_low']:.0f}–{100 * row['share_high']:.0f}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def _ranged(row: dict[str, Any], label: str, span: tuple[float, float]) -> Row:
    low, high = span
    width = (high - low) or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else 0.02 + 0.96 * (value - low) / width

    quartiles = f"{_number(row['low_quartile'])} to {_number(row['high_quartile'])}"
    return Row(
        label,
        f"{_number(row['median'])} · half {quartiles}",
        at=place(row["median"]),
        low=place(row["low_quartile"]),
        high=place(row["high_quartile"]),
        mark=place(row["median_of_all"]),
    )


def _traits(facts: pl.DataFrame, spans: dict[tuple[str, str], tuple[float, float]]) -> Block:
    rows = facts.filter(pl.col("about") == "feature", pl.col("median").is_not_null())
    if rows.height > _TRAITS:  # a card is one page
        reach = [
            max(spans["feature", item][1] - spans["feature", item][0], 1e-9)
            for item in rows["item"]
        ]
        apart = (rows["median"] - rows["median_of_all"]).abs() / pl.Series(reach)
        rows = rows.filter(apart.rank("ordinal", descending=True) <= _TRAITS)
    return Block(
        "ranges",
        "Median and the middle half; dotted: everyone’s median",
        tuple(
            _ranged(row, row["item"], spans["feature", row["item"]])
            for row in rows.iter_rows(named=True)
        ),
    )


def _kinds(facts: pl.DataFrame) -> list[Block]:
    rows = facts.filter(
        pl.col("part") == "who", ~pl.col("about").is_in(["size", "stability", "feature"])
    )
    return [
        Block("bars", str(about), tuple(_bar(row) for row in found.iter_rows(named=True)))
        for (about,), found in rows.group_by("about", maintain_order=True)
    ]


def _bar(row: dict[str, Any]) -> Row:
    return Row(
        row["item"], f"{100 * row['share']:.0f} %", at=row["share"], mark=row["share_of_all"]
    )


_TITLES = {  # what a share is of, and what an item is
    "buys": ("orders", "product"),
    "looks at": ("looks", "topic they look at"),
    "does": ("touchpoints", "touchpoint"),
    "asks about": ("tickets", "topic of tickets"),
}


def _items(facts: pl.DataFrame, part: str) -> tuple[Block, ...]:
    blocks = []
    for about, (noun, item) in _TITLES.items():
        rows = facts.filter(pl.col("about") == about, pl.col("part") == part).to_dicts()
        if not rows:
            continue
        base = rows[0]["base"]
        if base < ENOUGH:
            blocks.append(
                Block("notes", f"{noun.capitalize()}: only {base:,} people, too few to say")
            )
        elif rows[0]["stands_out"]:
            blocks.append(
                Block(
                    "bars",
                    f"More often than others (dotted): share of their {noun} (n = {base:,})",
                    tuple(
                        Row(
                            row["item"],
                            f"{100 * row['share']:.1f} % · lift {row['lift']:.2f}",
                            at=row["share"],
                            mark=row["share_of_all"],
                        )
                        for row in rows
                    ),
                )
            )
        else:
            most = ", ".join(f"{row['item']} {100 * row['share']:.0f} %" for row in rows)
            blocks.append(
                Block(
                    "notes",
                    f"No {item} stands out (n = {base:,}). Most frequent: {most}",
                )
            )
    return tuple(blocks)


def _quotes(facts: pl.DataFrame) -> tuple[Block, ...]:
    wrote = facts.filter(about="writes").to_dicts()
    rows = facts.filter(about="quote").to_dicts()
    if not wrote:
        return ()
    told = f"In their words: {wrote[0]['customers']:,} of {wrote[0]['base']:,} left a comment"
    for row in facts.filter(pl.col("about") == "answers", pl.col("base") > 0).to_dicts():
        told += f" ({row['customers']:,} of {row['base']:,} asked gave feedback)"
    if not rows:
        return (Block("notes", told),)
    return (
        Block(
            "quotes",
            f"{told}; these are nearest the middle of the group",
            tuple(Row(_cut(row["item"]), f"row {row['row_id']}") for row in rows),
        ),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG].rsplit(' ', 1)[0]} …"


def _mixes(facts: pl.DataFrame) -> tuple[Block, ...]:
    titles = {
        "orders through": "Orders through",
        "asks through": "Tickets through",
        "asks for": "Asked to be reached by",
    }
    blocks = []
    for about, title in titles.items():
        rows = facts.filter(about=about).to_dicts()
        if rows and rows[0]["base"] < ENOUGH:
            note = f"{title}: only {rows[0]['base']:,} people, too few to say"
            blocks.append(Block("notes", note))
        elif rows:
            blocks.append(
                Block(
                    "bars",
                    f"{title} (n = {rows[0]['base']:,}); dotted: everyone",
                    tuple(map(_bar, rows)),
                )
            )
    return tuple(blocks)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SEASONS = ("Dec–Feb", "Mar–May", "Jun–Aug", "Sep–Nov")


def _times(facts: pl.DataFrame) -> tuple[Block, ...]:
    blocks = []
    for about, labels in (
        ("hour", _CLOCKS["hour"]),
        ("weekday", _DAYS),
        ("season", _SEASONS),
    ):
        rows = facts.filter(about=about).to_dicts()
        if not rows or rows[0]["base"] < ENOUGH:
            continue
        highest = max(max(row["share"], row["share_of_all"]) for row in rows) or 1.0
        titles = {
            "hour": "Orders by hour, three at a time",
            "weekday": "Orders by weekday",
            "season": "Orders by season, of the last year",
        }
        blocks.append(
            Block(
                "columns",
                f"{titles[about]} (n = {rows[0]['base']:,})",
                tuple(
                    Row(
                        label,
                        f"{100 * row['share']:.0f} %",
                        at=row["share"] / highest,
                        mark=row["share_of_all"] / highest,
                    )
                    for label, row in zip(labels, rows, strict=True)
                ),
            )
        )
    return tuple(blocks)


def _worth(facts: pl.DataFrame, spans: dict[tuple[str, str], tuple[float, float]]) -> Block:
    rows = []
    names = {
        "revenue": "Revenue per customer",
        "basket": "Basket",
        "orders": "Orders",
        "gap": "Days between orders",
    }
    for about, label in names.items():
        for row in facts.filter(pl.col("about") == about, pl.col("median").is_not_null()).iter_rows(
            named=True
        ):
            unit = "" if about in ("orders", "gap") else f", {row['item']}"
            rows.append(_ranged(row, f"{label}{unit}", spans[about, row["item"]]))
    return Block("ranges", "Median and the middle half; dotted: everyone’s median", tuple(rows))
