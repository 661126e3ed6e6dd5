"""Is the rule scorer as good on labelled comments as it was?"""

import pytest
from scripts import loaded


@pytest.fixture(scope="module")
def bars():
    return loaded("benchmarks/voice/score_bars.py")


def test_rules_only_beat_vader_on_every_set(shared, bars):
    rows = bars.table(shared / "voice", list(bars.SETS))
    assert rows["auc"].mean() >= 0.90
    behind = rows.filter(rows["auc"] <= rows["vader_auc"])
    assert behind.height == 0, behind
