"""Who speaks of what: small themes are put together, and nobody counts twice there."""

import polars as pl

from cxkit.spoken import shown_apart, theme_order

THEMES = pl.DataFrame(
    [(0, "late", "ann"), (1, "late", "bob"), (2, "dear", "cem"), (2, "rude", "cem"),
     (3, "no theme", "dia"), (4, "no theme", "eve"), (5, "rude", "fay")],
    schema=["row", "theme", "customer_key"], orient="row",
)  # fmt: skip


def test_an_analyst_sees_every_theme():
    assert shown_apart(THEMES, 0).sort("row", "theme").equals(THEMES.sort("row", "theme"))
    assert theme_order(THEMES) == ["late", "rude", "dear", "no theme"]


def test_small_themes_are_one_and_a_comment_counts_once():
    """'dear' has one person; another has to join it, or the total would tell of that one."""
    told = shown_apart(THEMES, 2)
    counts = dict(told.group_by("theme").len().iter_rows())
    assert "dear" not in counts
    assert told.select("row", "theme").is_unique().all()
    assert set(told["row"]) == set(range(6))
    other = told.filter(theme="other")
    assert other["customer_key"].n_unique() >= 2
    assert theme_order(told)[-1] in ("other", "no theme")


def test_nothing_spoken():
    assert shown_apart(THEMES.clear(), 5).is_empty()
    assert theme_order(THEMES.clear()) == []
