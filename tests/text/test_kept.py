"""What was judged before is not judged again, and is never found under other settings."""

import random
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from cxkit.text import intents, kept, language, scoring
from cxkit.text.intents import find_intents
from cxkit.text.kept import forget, mark, once, row_by_row
from cxkit.text.learned_tags import learn_tags
from cxkit.text.scoring import GeneralScorer, RuleScorer, Score, VaderScorer, score_comments
from cxkit.text.themes import tag_comments, theme_book

TEXTS = ["Nothing to improve", "The parcel was terribly late", None, "", "Lovely staff, thank you"]


@pytest.fixture(autouse=True)
def new_session():
    forget()
    yield
    forget()


class Counted:
    """Doubles numbers, and remembers which it was asked about."""

    def __init__(self):
        self.asked = []

    def __call__(self, rows):
        self.asked.append(rows["n"].to_list())
        return rows.select(twice=2 * pl.col("n"))


def test_rows_judged_before_are_looked_up_and_the_order_is_kept():
    judge = Counted()
    for numbers in ([3, 1, None], [1, 2, 3], [2, None]):
        found = row_by_row("set", pl.DataFrame({"n": numbers}), judge)
        assert found["twice"].to_list() == [n and 2 * n for n in numbers]
    assert judge.asked == [[3, 1, None], [2]]
    row_by_row("another set", pl.DataFrame({"n": [1]}), judge)
    assert judge.asked[-1] == [1]


def test_no_rows_are_judged_too():
    judge = Counted()
    none = pl.DataFrame({"n": []}, {"n": pl.Int64})
    assert row_by_row("none", none, judge).to_dict(as_series=False) == {"twice": []}
    assert row_by_row("none", none, judge).to_dict(as_series=False) == {"twice": []}


def test_memory_is_bounded_and_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 4 * 100 * 24)  # rows of 24 bytes, 100 of a setting
    judge = Counted()
    row_by_row("rows", pl.DataFrame({"n": range(80)}), judge)
    row_by_row("rows", pl.DataFrame({"n": range(80, 130)}), judge)
    assert sum(size for _, size in kept._kept.values()) == 100 * 24
    row_by_row("rows", pl.DataFrame({"n": [29, 30, 129]}), judge)
    assert judge.asked[-1] == [29]
    for setting in range(4):
        row_by_row(setting, pl.DataFrame({"n": range(100)}), judge)
    assert list(kept._kept) == [0, 1, 2, 3]
    once("too large", lambda: pl.Series(range(10_000)))
    assert list(kept._kept) == [0, 1, 2, 3]


@pytest.mark.parametrize("scorer", [None, RuleScorer(), VaderScorer()])
def test_a_second_reading_says_the_same_and_reads_nothing(scorer, monkeypatch):
    first = score_comments(TEXTS, languages=["en", "pt"], scorer=scorer)
    for module in (scoring, language):
        monkeypatch.setattr(module, "shown", lambda items, total, what: [1 / total for _ in items])
    again = score_comments(TEXTS[::-1], languages=["pt", "en"], scorer=scorer)
    assert again.reverse().equals(first)


def test_intents_are_found_once_for_each_question(monkeypatch):
    first = find_intents(["More staff"], languages=["en"], question="What could we do better?")
    other = find_intents(["More staff"], languages=["en"])
    assert first["suggesting"].to_list() == [True]
    assert other["suggesting"].to_list() == [False]
    monkeypatch.setattr(intents, "shown", lambda items, total, what: [1 / total for _ in items])
    again = find_intents(["More staff"], languages=["en"], question="What could we do better?")
    assert again.equals(first)


def test_settings_do_not_mix():
    general, rules = GeneralScorer(), RuleScorer()
    scores = [
        score_comments(TEXTS, languages=["en"], scorer=scorer)["scorer"][0]
        for scorer in (general, rules, VaderScorer(), GeneralScorer("another"))
    ]
    assert scores == [GeneralScorer().id, "rules-en-2", "vader-3.3", "another"]
    assert score_comments(TEXTS, languages=["pt"])["reason"].to_list()[1] == "language"
    assert score_comments(TEXTS, languages=["en"])["reason"].to_list()[1] is None
    asked = [
        score_comments(["Nothing"], languages=["en"], question=question)["score"][0]
        for question in (None, "What could we do better?", "What did you like?")
    ]
    assert len(set(asked)) == 3


def test_scorers_of_ones_own_do_not_stand_for_each_other():
    class Mine:
        id = GeneralScorer().id

        def __init__(self, value):
            self.value = value

        def score(self, text, question, language):
            return Score(self.id, self.value)

    high, low = Mine(1.0), Mine(-1.0)
    assert score_comments(["fine"], languages=["en"], scorer=high)["score"].to_list() == [1.0]
    assert score_comments(["fine"], languages=["en"], scorer=low)["score"].to_list() == [-1.0]
    high.value = 0.5
    assert score_comments(["fine"], languages=["en"], scorer=high)["score"].to_list() == [0.5]


def test_a_subclass_of_the_general_scorer_is_ones_own():
    class Flat(GeneralScorer):
        def score(self, text, question=None, language="en"):
            return Score(self.id, 0.0)

    assert score_comments(["Superb service"], languages=["en"])["score"][0] > 0.5
    assert score_comments(["Superb service"], languages=["en"], scorer=Flat())["score"][0] == 0


def test_another_theme_book_tags_anew_and_a_result_that_is_changed_is_no_other_ones():
    books = [
        theme_book(f'[[themes]]\nname = "{name}"\ninclude = ["{term}"]')
        for name, term in (("delivery", "late"), ("delivery", "parcel"), ("staff", "staff"))
    ]
    found = [tag_comments(TEXTS, book) for book in books]
    assert [table["term"].drop_nulls().to_list() for table in found] == [
        ["late"],
        ["parcel"],
        ["staff"],
    ]
    again = tag_comments(TEXTS, books[0])
    again[0, "theme"] = "changed"
    assert tag_comments(TEXTS, books[0]).equals(found[0])


def test_tags_are_learned_anew_from_other_labels(monkeypatch):
    texts = [
        f"{what} number{at} {at}" for at in range(60) for what in ("late parcel", "rude staff")
    ]
    labels = [["delivery"] if "late" in text else ["staff"] for text in texts]
    made = []
    learned = kept._keep
    monkeypatch.setattr(kept, "_keep", lambda *kept: (made.append(kept[0][0]), learned(*kept)))
    first = learn_tags(texts, labels, languages=["en"])
    assert learn_tags(texts, labels, languages=["en"]).table.equals(first.table)
    assert made.count("learned tags") == 1
    swapped = [["staff"] if label == ["delivery"] else ["delivery"] for label in labels]
    other = learn_tags(texts, swapped, languages=["en"])
    assert made.count("learned tags") == 2
    assert other.table.filter("tagged")["theme"][0] != first.table.filter("tagged")["theme"][0]


def test_marks_tell_columns_apart():
    columns = [["a", "b"], ["b", "a"], ["ab"], ["ab", None], ["ab", ""], []]
    marks = {mark(pl.Series(column, dtype=pl.String)) for column in columns}
    assert len(marks) == len(columns)
    assert mark(pl.Series([1]), pl.Series([2])) != mark(pl.Series([1, 2]))


def test_many_at_once_get_the_right_answers(monkeypatch):
    """Whoever comes second may judge again, but never gets the answer to another question."""
    monkeypatch.setattr(kept, "MOST_BYTES", 4 * 50 * 24)

    def asked(seed):
        numbers = random.Random(seed).sample(range(1000), 40)
        found = row_by_row(seed % 3, pl.DataFrame({"n": numbers}), Counted())
        value = once(("whole", seed % 5), lambda: pl.Series([seed % 5] * 20))
        return found["twice"].to_list() == [2 * n for n in numbers] and set(value) == {seed % 5}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(asked, range(400)))
    assert sum(size for _, size in kept._kept.values()) <= kept.MOST_BYTES
