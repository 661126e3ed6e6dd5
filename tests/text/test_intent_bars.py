"""Are suggestions and complaints found as well on labelled comments as they were?"""

import polars as pl
import pytest
from scripts import loaded


@pytest.fixture(scope="module")
def bars():
    return loaded("benchmarks/voice/intents.py")


def test_rules_find_suggestions_in_threads_they_were_not_written_from(shared, bars):
    frame = bars.read(shared / "voice", "suggest_A_train").unique("key", maintain_order=True)
    thread = frame["id"].str.extract(r"^(\d+)").cast(pl.Int64)
    frame = frame.filter(thread % 2 == 1)
    truth, judged = bars.is_one(frame), bars.by_rules(frame, "suggesting")
    assert bars.f1(truth, judged) >= 0.75
    assert bars.f1(truth, judged, bars.RARE) >= 0.62


def test_complaints_are_found_in_four_trades(shared, bars):
    frame = bars.read(shared / "voice", "complaints")
    frame = frame.filter(~pl.col("domain").str.starts_with("random"))
    judged = bars.by_rules(frame, "complaining")
    assert bars.f1(bars.is_one(frame), judged) >= 0.75


def test_answers_of_nothing_are_heard(shared, bars):
    frame = bars.read(shared / "voice", "nhs_phase1")
    nothing = bars.by_rules(frame, "nothing")
    none = (frame["label"] == "Couldn't be improved").to_numpy()
    care = frame["label"].is_in(["Access", "Communication", "Staff"]).to_numpy()
    assert nothing[none].mean() >= 0.75
    assert nothing[care].mean() <= 0.05
