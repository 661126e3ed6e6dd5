"""After how long a silence a customer is lapsed, and the silences that say so."""

from datetime import datetime
from typing import NamedTuple

import polars as pl

from cxkit.errors import between_0_and_1, whole_number
from cxkit.result import counted
from cxkit.stats.segments import gathered
from cxkit.stats.survival import lapse_interval, lapse_limit, return_curve
from cxkit.workspace import Workspace

_UNSURE = " (uncertain: too many samples drawn from the customers show no limit)"


class LapseRule(NamedTuple):
    """The lapse limit in days, where it comes from, and whether the data had none to give."""

    days: int
    source: str
    convention: bool = False


def lapse_rule(
    workspace: Workspace,
    until: datetime | None,
    asked: int | None = None,
    return_share: float | None = None,
) -> LapseRule:
    """Return after how many days of silence a customer is lapsed, as was known at `until`.

    The limit that was asked for, or the settings' own, or the one that the return curve shows
    (for `return_share`, else the settings'), or, where it shows none, `horizon_days`. Raises
    BadQuestion for values that cannot be used.
    """
    life = workspace.settings.lifecycle
    if asked is not None:
        asked = whole_number("lapse_days", asked)
    told = asked or (0 if return_share is not None else life.lapse_days)
    if told:
        by = "as asked" if asked else "as the settings say"
        return LapseRule(told, f"Lapsed means silent for more than {counted(told, 'day')}, {by}.")
    share = (
        life.return_share if return_share is None else between_0_and_1("return_share", return_share)
    )
    spells = _silences(workspace, until)
    found = lapse_limit(return_curve(spells, life.horizon_days), share)
    if found is not None:
        sure = lapse_interval(spells, life.horizon_days, share) is not None
        return LapseRule(
            found,
            f"Lapsed means silent for more than {counted(found, 'day')}{'' if sure else _UNSURE}: "
            f"from then on at most {100 * share:.0f} % buy again within "
            f"{counted(life.horizon_days, 'day')} (see lapse_curve).",
        )
    are = "1 day is" if life.horizon_days == 1 else f"{life.horizon_days} days are"
    return LapseRule(
        life.horizon_days,
        "The data do not show after how long a silence a customer has lapsed (see "
        f"lapse_curve): the {are} a convention.",
        convention=True,
    )


def spells_by(workspace: Workspace, until: datetime | None, by: str) -> pl.DataFrame:
    """Return the buyers' silences known at `until`, each with the kind of customer (`segment`).

    One row per day of purchase: customer_key, days, returned, segment; the largest kinds first, the
    smallest in 'other'. `buyers` is 1 in a customer's first row, else 0. Raises BadQuestion where
    `by` is no field of the data.
    """
    kinds = workspace.query("lapse_groups", by=workspace.segment(by))
    return gathered(
        _silences(workspace, until)
        .join(kinds, on="customer_key")
        .with_columns(buyers=pl.col("customer_key").is_first_distinct().cast(pl.Int64)),
        "buyers",
        least=workspace.least,
    )


def _silences(workspace: Workspace, until: datetime | None) -> pl.DataFrame:
    return workspace.query("lapse_curve", as_of=until, zone=workspace.settings.company.timezone)
