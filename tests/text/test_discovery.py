"""Themes that words alone propose: whatever the words, proposals or none."""

import random
import warnings

import pytest

from cxkit.text.discovery import discover_themes

LATE = [f"The last delivery came late{'!' * n}" for n in range(25)]
GREAT = [f"Great{'!' * n}" for n in range(30)]
SIGNS = "!.?"


def test_terms_that_all_who_speak_at_all_hold_propose_nothing():
    found = discover_themes([*LATE, *GREAT])
    assert found.table.is_empty()
    assert found.untagged == 55
    assert found.stability != found.stability


@pytest.mark.parametrize("words", [1, 2, 3, 4, 6, 9])
def test_small_vocabularies_by_lot(words):
    known = ["delivery", "parcel", "price", "courier", "refund", "shirt", "button", "zip", "shop"]
    for seed in range(40):
        lot = random.Random(100 * words + seed)
        texts = [
            " ".join(lot.choices(known[:words], k=lot.randint(0, 3)))
            + "".join(lot.choices(SIGNS, k=lot.randint(0, 6)))
            for _ in range(lot.randint(20, 130))
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Number of distinct clusters")
            found = discover_themes(texts, languages=["en"])
        assert len(found.themes) == len(texts)
        named = found.table["theme"].to_list()
        assert set(found.themes.drop_nulls()) == set(named)
        assert found.table["comments"].to_list() == [(found.themes == name).sum() for name in named]
