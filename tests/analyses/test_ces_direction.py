"""Which end of CES is good: one rule, whoever reads the answers."""

from typing import Any

import polars as pl
import pytest
from company import company, events, orders

import cxkit as cx

STAGES = {"journey": {"stages": ["visit", "buy"]}}
VISITS = events(
    "ann 2026-01-01T10:00 visit", "ann 2026-01-01T10:10 buy",
    "bob 2026-01-01T10:00 visit", "bob 2026-01-01T10:10 buy",
    "zoe 2026-06-30T10:00 visit",
)  # fmt: skip
SET_ASIDE = (
    "Set aside: 2 answers to CES on a scale up to 5: nothing says whether 5 is easy or, as in "
    '2010, much effort. Write ces_high = "easy" or "hard" under [surveys] in cx.toml.'
)


def ces(*scores: int, scale: int | None = 5, day: str = "2026-01-02") -> list[dict[str, Any]]:
    """Write answers to CES about buying, of ann, bob and so on, one a person."""
    return [
        {"feedback_id": f"{scale} {n}", "customer_id": who, "given_at": day, "metric": "ces",
         "scale": scale, "score": score, "touchpoint": "buy"}
        for n, (who, score) in enumerate(zip(("ann", "bob", "cid"), scores, strict=False))
    ]  # fmt: skip


def store_of(folder, feedback: list[dict[str, Any]], high: str = "", **tables: Any) -> cx.Workspace:
    settings = STAGES | {"surveys": {"ces_high": high}}
    return company(folder, settings, feedback=feedback, events=VISITS, **tables)


@pytest.mark.parametrize("scale", [5, None])
def test_what_can_be_judged(tmp_path, scale):
    """Five points without a word are no score; without a scale they are five, not seven."""
    asked = "select scale, score, unsaid from judged order by feedback_id"
    rows = ces(4, 1, scale=scale)
    unsaid = store_of(tmp_path / "unsaid", rows).sql(asked)
    assert unsaid.rows() == [(5, None, True), (5, None, True)]
    easy = store_of(tmp_path / "easy", rows, "easy").sql(asked)
    assert easy.rows() == [(5, 4, False), (5, 1, False)]
    hard = store_of(tmp_path / "hard", rows, "hard").sql(asked)
    assert hard.rows() == [(5, 2, False), (5, 5, False)]


def test_seven_points_are_those_of_ces_2_and_other_scores_stand_as_they_are(tmp_path):
    rows = ces(6, 2, scale=None)
    rows += [{"feedback_id": "n", "metric": "nps", "score": 9},
             {"feedback_id": "o", "metric": "item", "score": 3, "question": "Price"},
             {"feedback_id": "s", "metric": "csat", "score": 5, "scale": 10}]  # fmt: skip
    told = store_of(tmp_path, rows).sql("select scale, score, unsaid from judged order by score")
    assert told.rows() == [
        (7, 2, False), (None, 3, False), (10, 5, False), (7, 6, False), (10, 9, False)
    ]  # fmt: skip


@pytest.mark.parametrize(("high", "mood"), [("", None), ("easy", 75), ("hard", -75)])
def test_the_mood_of_a_stage(tmp_path, high, mood):
    """4 and 5 of 5: three quarters of the way up, or down, or not known."""
    ws = store_of(tmp_path, ces(4, 5), high)
    assert cx.journey_map(ws).table["mood"].to_list() == [None, mood]
    for ask in (cx.journey_map, cx.mood_by_wait, cx.moments_of_truth):
        assert (SET_ASIDE in ask(ws).caveats) is (high == "")


@pytest.mark.parametrize(("high", "days"), [("", []), ("easy", [4]), ("hard", [2, 3])])
def test_a_low_score_is_a_bad_touch(tmp_path, high, days):
    rows = ces(5, day="2026-01-02") + ces(4, day="2026-01-03") + ces(2, day="2026-01-04")
    ws = store_of(tmp_path, rows, high, orders=orders("ann 2026-01-01 5", "zoe 2026-06-30 5"))
    marks = ws.query(
        "bad_marks", touchpoints=[], topics=False, low=True, days=None, as_of=ws.as_of, zone="UTC"
    )
    assert [day.day for day in marks["day"]] == days
    asked = cx.bad_touches(ws, bad=["low score"]).caveats
    assert any(note.startswith("Set aside: 3 answers to CES") for note in asked) is (high == "")


def test_effort_says_which_answers_it_does_not_read(tmp_path):
    unsaid = cx.effort(store_of(tmp_path / "unsaid", ces(5, 4, scale=None))).caveats
    assert SET_ASIDE in unsaid
    assert not any("has not been asked" in note for note in unsaid)
    easy = cx.effort(store_of(tmp_path / "easy", ces(5, 4), "easy")).caveats
    assert "How easy it was has been asked, not on seven points: see score (2 answers)." in easy


# all 16 pairs of two aspects rated 2 to 5, three times: they do not go together at all
SQUARE = [(a, b) for a in (2, 3, 4, 5) for b in (2, 3, 4, 5)] * 3


def surveyed(scale: int | None) -> list[dict[str, Any]]:
    rows = []
    for number, (speed, price) in enumerate(SQUARE, start=1):
        same = {"record_no": number, "customer_id": f"c{number}", "given_at": "2026-03-02"}
        rows += [
            same | {"feedback_id": f"{number} {name}", "metric": metric, "question": name,
                    "scale": top, "score": score}
            for name, metric, top, score in (
                ("Speed", "item", 5, speed), ("Price", "item", 5, price),
                ("Easy?", "ces", scale, (3 * speed + price) / 4),
            )
        ]  # fmt: skip
    return rows


@pytest.mark.parametrize("scale", [5, None])
def test_drivers_of_ces_on_five_points(tmp_path, scale):
    unsaid = cx.drivers(store_of(tmp_path / "unsaid", surveyed(scale)), metric="ces")
    assert unsaid.n == 0
    assert unsaid.caveats[-1].startswith("Set aside: 48 answers to CES on a scale up to 5: ")
    easy = cx.drivers(store_of(tmp_path / "easy", surveyed(scale), "easy"), metric="ces")
    assert easy.n == 48
    assert easy.table["importance_share"].to_list() == pytest.approx([0.9, 0.1])
    hard = cx.drivers(store_of(tmp_path / "hard", surveyed(scale), "hard"), metric="ces")
    assert hard.table["own_effect"].to_list() == pytest.approx(
        [-one for one in easy.table["own_effect"]]
    )


def test_drivers_take_the_commoner_scale_of_those_that_are_scored(tmp_path):
    rows = surveyed(5)
    for row in rows[2::9]:  # sixteen of the answers to CES
        row["scale"] = 7
    easy = cx.drivers(store_of(tmp_path / "easy", rows, "easy"), metric="ces")
    assert easy.n == 32
    assert "Left out: 16 ratings on another scale than the usual one." in easy.caveats
    unsaid = cx.drivers(store_of(tmp_path / "unsaid", rows), metric="ces")
    assert unsaid.n == 16
    assert pl.Series(unsaid.caveats).str.starts_with("Set aside: 32 answers").any()
