"""Whatever people write, every question about their words gets an answer that says what it is."""

import math
import re

import polars as pl
import pytest

import cxkit as cx
from cxkit.safe import escape
from tests.company import company

KINDS = {
    "nothing at all": ["", " ", None],
    "emoji": ["😡", "😊😊", "👍", "🌷🌷🌷", "🙃 🙃"],
    "one word": ["superb", "slow", "ok", "Danke", "meh"],
    "50,000 characters": ["slow delivery, rude staff. " * 1_900, "x" * 50_000],
    "markup": ["<script>alert(1)</script> slow", "<b>lovely</b> &amp; quick", "{{7*7}} %s {0} $x"],
    "formulas": ["=1+1", "+44", "@SUM(A1)", "-2 slow", "\t=cmd|' /C calc'!A0"],
    "mixed languages": [
        "Lovely shop, aber das Paket kam nie an",
        "Ótimo produto, but the app crashes",
        "配送が遅い slow delivery",
        "все хорошо",
        "تأخر الطلب كثيرا",
    ],
    "all the same": ["The parcel came late."],
}
QUESTIONS = [
    cx.score,
    cx.score_trend,
    cx.score_weighted,
    cx.sentiment,
    cx.model_card,
    cx.predicted_ratings,
    cx.quotes,
    cx.rating_text_gap,
    cx.themes,
    cx.theme_impact,
    cx.theme_trend,
    cx.after_theme,
    cx.telling_words,
    cx.intents,
    cx.answered,
    cx.drivers,
]
ANSWERS = 60


@pytest.fixture(scope="module", params=KINDS)
def said(request, tmp_path_factory) -> cx.Workspace:
    """Sixty people who write things of one kind over a year, all with the same score."""
    texts = KINDS[request.param]
    rows = [
        {
            "feedback_id": f"f{n:02}",
            "customer_id": f"c{n:02}",
            "metric": "csat",
            "scale": 5,
            "score": 4,
            "given_at": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}T10:00",
            "comment": texts[n % len(texts)],
        }
        for n in range(ANSWERS)
    ]
    return company(tmp_path_factory.mktemp("said"), feedback=rows)


@pytest.mark.parametrize("ask", QUESTIONS, ids=lambda ask: ask.__name__)
def test_every_question_has_an_answer(said, ask, tmp_path):
    found = ask(said)
    assert re.fullmatch(r"\S.*[.!?]", found.finding, re.DOTALL)
    for sentence in (found.finding, *found.caveats):
        assert not re.search(r"\bnan\b|\bNone\b(?! of )|\binf\b|<script", sentence), sentence
    assert 0 <= found.n <= ANSWERS
    shares = [name for name in found.table.columns if "share" in name.split("_")]
    for name in shares:
        values = found.table[name].drop_nulls().to_list()
        assert all(math.isfinite(value) and 0 <= value <= 1 for value in values), name
    page = "".join(part.get("text/html", "") for part in found.outputs())
    assert escape(found.finding) in page
    assert "<script" not in page and "<b>lovely" not in page
    kept = pl.read_csv(found.save(tmp_path / "kept.csv"), infer_schema=False)
    cells = [cell for row in kept.iter_rows() for cell in row if cell]
    assert not [cell for cell in cells if re.match(r"\s*[=+@]|-(?![\d.])", cell)]


def test_the_comments_are_all_accounted_for(said):
    written = said.sql("select count(*) as n from feedback where trim(comment) <> ''")["n"][0]
    mood = cx.sentiment(said).table
    assert mood["comments"].sum() == written
    assert cx.themes(said).n == cx.intents(said).n == written


@pytest.mark.parametrize("ask", QUESTIONS, ids=lambda ask: ask.__name__)
def test_in_a_report_as_well(said, ask, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = ask(said)
    assert re.fullmatch(r"\S.*[.!?]", found.finding, re.DOTALL)
    assert found.outputs()
