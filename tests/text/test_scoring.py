import polars as pl
import pytest

from cxkit.text.scoring import CUTS, LEVELS, RuleScorer, Score, level_of, score_comments


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (-1.0, "very negative"),
        (-CUTS[1], "very negative"),
        (-0.49, "negative"),
        (-CUTS[0], "negative"),
        (-0.09, "neutral"),
        (0.0, "neutral"),
        (0.09, "neutral"),
        (CUTS[0], "positive"),
        (0.49, "positive"),
        (CUTS[1], "very positive"),
        (1.0, "very positive"),
    ],
)
def test_cut_points(score, level):
    assert level_of(score) == level


def test_a_column_is_scored_in_its_order():
    texts = ["Superb", None, "Awful", "It is blue", "  ", "Superb"]
    table = score_comments(texts, languages=["en"])
    assert table.columns == [
        "score", "level", "scored", "reason", "scorer", "language",
        "chance_negative", "chance_neutral", "chance_positive", "mixed",
    ]  # fmt: skip
    assert table["level"].to_list() == [
        "very positive", None, "very negative", None, None, "very positive",
    ]  # fmt: skip
    assert table["reason"].to_list() == [None, "empty", None, "no signal", "empty", None]
    assert table["scored"].to_list() == [True, False, True, False, False, True]
    assert table["score"].is_null().to_list() == [False, True, False, True, True, False]
    assert table["scorer"].unique().to_list() == ["general-en-3"]
    assert table["language"].to_list() == ["en", None, "en", "en", None, "en"]
    assert table["level"].dtype == pl.Enum(LEVELS)


def test_no_comments():
    table = score_comments([])
    assert table.shape == (0, 10)
    assert table["score"].dtype == pl.Float64


def test_only_empty_comments():
    assert score_comments([None, ""])["reason"].to_list() == ["empty", "empty"]


def test_another_language_is_not_scored():
    texts = ["The staff were very kind to me", "O produto chegou antes do prazo, excelente"]
    table = score_comments(texts, languages=["en", "pt"])
    assert table["reason"].to_list() == [None, "language"]
    assert table["score"].to_list()[1] is None


def test_each_distinct_text_is_scored_once():
    class Counting:
        id = "counting"
        seen: list[str] = []  # noqa: RUF012

        def score(self, text, question, language):
            self.seen.append((text, question, language))
            return Score(self.id, 0.2)

    scorer = Counting()
    table = score_comments(["a", "b", "a"], languages=["en"], question="Why?", scorer=scorer)
    assert scorer.seen == [("a", "Why?", "en"), ("b", "Why?", "en")]
    assert table["level"].to_list() == ["positive"] * 3


def test_the_question_reaches_the_scorer():
    assert RuleScorer().score("Nothing", "What should we improve?").level == "very positive"
    asked = score_comments(["Nothing"], languages=["en"], question="What should we improve?")
    assert asked["level"].to_list() == ["very positive"]


@pytest.mark.parametrize(
    "text",
    [
        "😡😡😡",
        "superb",
        "superb " * 7_000,
        "<p>superb</p>",
        "=SUM(superb)",
        "Superb, mas caro demais",
        "🙂",
    ],
    ids=["emoji", "one word", "50,000 characters", "markup", "formula", "mixed", "a smile"],
)
def test_odd_comments_get_an_answer(text):
    table = score_comments([text], languages=["en", "pt"])
    assert table.height == 1
    assert table["scored"][0] or table["reason"][0] in ("language", "no signal")


def test_portuguese_reviews_are_not_scored_by_an_english_scorer(shared):
    texts = pl.read_csv(shared / "voice" / "olist_pt.csv")["text"].drop_nulls()
    words = texts.str.count_matches(r"\w+")
    for languages in (["en", "pt"], None):
        table = score_comments(texts.filter(words >= 4), languages=languages)
        assert (table["reason"] == "language").mean() >= 0.995


def test_english_comments_are_known_as_english(shared):
    texts = pl.read_csv(shared / "voice" / "airline.csv", columns=["text"])["text"]
    assert (score_comments(texts)["reason"] == "language").sum() <= 0.005 * texts.len()
