"""Is the rule scorer as good on labelled comments as it was?"""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "voice" / "score_bars.py"


@pytest.fixture(scope="module")
def bars():
    spec = importlib.util.spec_from_file_location("score_bars", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rules_only_beat_vader_on_every_set(shared, bars):
    rows = bars.table(shared / "voice", list(bars.SETS))
    assert rows["auc"].mean() >= 0.90
    behind = rows.filter(rows["auc"] <= rows["vader_auc"])
    assert behind.height == 0, behind
