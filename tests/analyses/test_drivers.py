"""What goes with the overall score, on answers made so that it can be worked out by hand."""

from typing import Any

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion


def surveyed(
    *answers: dict[str, Any], metric: str = "csat", scale: int = 5, same: int = 0
) -> list[dict[str, Any]]:
    """One record per answer: `score`, and a rating per aspect; `same`: customers in all."""
    rows = []
    for number, answer in enumerate(answers, start=1):
        customer = f"c{number % same if same else number:04}"
        row = {"record_no": number, "customer_id": customer, "given_at": "2026-03-02T10:00"}
        for asked, score in answer.items():
            what = {"metric": "item", "question": asked, "scale": 5}
            if asked == "score":
                what = {"metric": metric, "question": "Overall?", "scale": scale}
            rows.append(row | what | {"score": score, "feedback_id": f"{number} {asked}"})
    return rows


# all 16 pairs of two aspects rated 2 to 5, three times: they do not go together at all
SQUARE = [(a, b) for a in (2, 3, 4, 5) for b in (2, 3, 4, 5)] * 3


def test_two_aspects_that_do_not_go_together(tmp_path):
    """score = (3 a + b) / 4: the parts are 9 and 1 of 10, and both are rated 3.5."""
    rows = surveyed(*[{"Speed": a, "Price": b, "score": (3 * a + b) / 4} for a, b in SQUARE])
    found = cx.drivers(company(tmp_path, feedback=rows))
    assert found.n == 48
    assert found.table["driver"].to_list() == ["Speed", "Price"]
    assert found.table["importance_share"].to_list() == pytest.approx([0.9, 0.1])
    assert found.table["weight_share"].to_list() == pytest.approx([0.9, 0.1])
    assert found.table["mean"].to_list() == [3.5, 3.5]
    assert found.table["performance_share"].to_list() == [0.625, 0.625]
    assert found.finding.startswith(
        "Of 48 answers the 2 aspects together describe 100.0 % of how CSAT varies; 'Speed' goes "
        "with the largest part, 90.0 ("
    )
    assert found.finding.endswith(
        ") points, and is rated 3.50 of 5; no aspect is surely both important and rated below the "
        "others."
    )
    assert found.table["place"].to_list() == ["unclear", "unclear"]
    assert "(r = 0.00 on average)" in found.caveats[0]


def test_the_important_and_badly_rated_aspect_is_where_to_start(tmp_path):
    answers = [{"Speed": a - 1, "Price": b, "score": (3 * a + b) / 4} for a, b in SQUARE * 4]
    found = cx.drivers(company(tmp_path, feedback=surveyed(*answers)))
    assert dict(found.table.select("driver", "place").iter_rows()) == {
        "Speed": "start here",
        "Price": "more than enough",
    }
    assert found.finding.endswith(
        "and is rated 2.50 of 5, below the average of the aspects: start there."
    )
    figure = found.chart()
    assert figure.layout.title.text == "<b>Important and rated below the others: Speed</b>"
    assert list(figure.data[0].text) == ["Speed", "Price"]


def test_low_ratings_that_cost_more_are_told(tmp_path):
    answers = [{"Speed": a, "Price": b, "score": min(a, 4) + b / 10} for a, b in SQUARE * 4]
    found = cx.drivers(company(tmp_path, feedback=surveyed(*answers)))
    speed = found.table.row(0, named=True)
    # against 3 and 4, which stand for 3.5 on average: 2 stands for 2, and 5 for 4
    assert (speed["penalty"], speed["reward"]) == (pytest.approx(-1.5), pytest.approx(0.5))
    assert speed["uneven"] == "low ratings cost more"
    told = "Of 'Speed' low ratings cost more than high ones bring, point for point."
    assert told in found.caveats


def test_fewer_than_thirty_answers_or_customers_say_nothing(tmp_path):
    one = {"Speed": 3, "Price": 4, "score": 3}
    few = cx.drivers(company(tmp_path / "few", feedback=surveyed(*[one] * 29)))
    assert few.finding == (
        "Cannot say what drives CSAT: 29 answers of 29 customers rate 2 aspects beside it, and it "
        "takes at least 30, of 30 customers."
    )
    assert few.table["importance_share"].to_list() == [None, None]
    assert few.table["mean"].to_list() == [4, 3]
    answers = [{"Speed": a, "Price": b, "score": a} for a, b in SQUARE]
    same = cx.drivers(company(tmp_path / "same", feedback=surveyed(*answers, same=7)))
    assert same.finding.startswith("Cannot say what drives CSAT: 48 answers of 7 customers rate")
    assert "Too few answers" in few.chart().layout.title.text


def test_ten_answers_for_each_aspect(tmp_path):
    answers = [
        {"a": a, "b": b, "c": a, "d": b, "e": 5 - a, "score": a} for a, b in SQUARE
    ]  # 48 answers for five aspects
    found = cx.drivers(company(tmp_path, feedback=surveyed(*answers)))
    assert "rate 5 aspects beside it, and it takes at least 50" in found.finding


def test_everybody_gives_the_same_score(tmp_path):
    rows = surveyed(*[{"Speed": a, "Price": b, "score": 4} for a, b in SQUARE])
    found = cx.drivers(company(tmp_path, feedback=rows))
    assert found.finding == "Cannot say what drives CSAT: all 48 answers give the same score."


def test_no_items_no_scores_and_an_unknown_score(tmp_path):
    nothing = company(tmp_path / "none")
    assert cx.drivers(nothing).finding == (
        "Cannot say: no survey rates single aspects beside an overall score."
    )
    assert cx.drivers(nothing).table.is_empty()
    rows = surveyed(*[{"Speed": 3} for _ in range(40)])
    assert cx.drivers(company(tmp_path / "items", feedback=rows)).table.is_empty()
    with pytest.raises(BadQuestion, match="No overall score is called 'joy'"):
        cx.drivers(nothing, metric="joy")


def test_aspects_that_few_rate_and_other_scales_are_left_out_and_told(tmp_path):
    answers = [{"Speed": a, "Price": b, "score": a} for a, b in SQUARE]
    for answer in answers[:20]:
        answer["Colour"] = 3
    rows = surveyed(*answers)
    rows[0]["scale"] = 10
    found = cx.drivers(company(tmp_path, feedback=rows))
    assert set(found.table["driver"]) == {"Speed", "Price"}
    assert found.n == 47
    assert "Left out, since fewer than half of these answers rate it: Colour." in found.caveats
    assert "Left out: 1 rating on another scale than the usual one." in found.caveats


def test_aspects_that_say_the_same_cannot_be_told_apart(tmp_path):
    answers = [{"Speed": a, "Pace": a, "Price": b, "score": a} for a, b in SQUARE]
    found = cx.drivers(company(tmp_path, feedback=surveyed(*answers)))
    parts = dict(found.table.select("driver", "importance_share").iter_rows())
    assert parts == pytest.approx({"Speed": 0.5, "Pace": 0.5, "Price": 0.0}, abs=1e-9)
    assert "go together so closely (r = 1.00)" in " ".join(found.caveats)
    assert "(not surely more than " in found.finding


def test_the_rows_order_does_not_matter(tmp_path):
    rows = surveyed(*[{"Speed": a, "Price": b, "score": (a + b) / 2} for a, b in SQUARE])
    one = cx.drivers(company(tmp_path / "one", feedback=rows)).table
    other = cx.drivers(company(tmp_path / "other", feedback=rows[::-1])).table
    assert one.equals(other)
