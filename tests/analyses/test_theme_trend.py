"""Which themes rose against their own past, week by week, in companies made by hand."""

import random
from datetime import date, timedelta

import pytest
from company import company

import cxkit as cx
from cxkit.errors import BadQuestion
from cxkit.text.themes import theme_book

BOOK = theme_book("""
[[themes]]
name = "login"
include = ["login", "password"]
[[themes]]
name = "delivery"
include = ["deliver*"]
""")
LOOP, LATE, FLAT = "The login comes back", "The delivery was slow", "It came in a box"
FIRST = date(2024, 1, 1)  # a Monday


def rows(*weeks, first=FIRST, same=None):
    """Write weeks as lists of comments, each of a person of its own."""
    return [
        {"feedback_id": f"f{week:03}-{n:03}", "metric": "comment", "comment": text,
         "customer_id": same or f"c{week:03}-{n:03}",
         "given_at": f"{first + timedelta(weeks=week, days=n % 7)}T10:00"}
        for week, texts in enumerate(weeks)
        for n, text in enumerate(texts)
    ]  # fmt: skip


def asked(folder, fed, book=BOOK, **how):
    ws = company(folder, feedback=fed)
    if book:
        cx.keep_themes(ws, book)
    return cx.theme_trend(ws, **how)


QUIET = [LATE] * 4 + [FLAT] * 16
LOUD = [LOOP] * 6 + [LATE] * 4 + [FLAT] * 10


def test_a_theme_that_comes_up_by_hand(tmp_path):
    found = asked(tmp_path, rows(*[QUIET] * 20, *[LOUD] * 4, *[QUIET] * 6))
    table = found.table
    assert table["theme"].unique(maintain_order=True).to_list() == ["login", "delivery", "no theme"]
    login = table.filter(theme="login")
    assert login.height == 30 and set(login["state"]) == {"judged"}
    assert login["comments"].to_list() == [20] * 30
    assert login["mentions"].to_list() == [0] * 20 + [6] * 4 + [0] * 6
    assert login["share"][20] == pytest.approx(0.3)
    assert login["past_share"].unique().to_list() == [0]
    assert login["rising"].to_list() == [0] * 20 + [1] * 4 + [0] * 6
    when = [FIRST + timedelta(weeks=week) for week in (20, 21, 20)]
    assert [login[name][0] for name in ("rose", "alarm", "peak")] == when
    assert table.filter(theme="delivery")["rose"].null_count() == 30
    # of a book with one theme for each comment: with and without add up
    sums = table.group_by("begins").agg(said=table["mentions"].sum())
    assert sums.height == 30 and table["mentions"].sum() == found.n == 600
    assert found.finding == (
        "From the week of 20 May 2024 until that of 10 Jun 2024 30.0 % (21.1–40.8) of 80 comments "
        "spoke of 'login', against 0.0 % (0.0–1.0) of 400 before; most in the week of 20 May 2024 "
        "(6 of 20), and sure at the end of that of 27 May 2024."
    )
    assert "rose from 20 May 2024 on" in found.chart().layout.title.text


def test_it_is_known_at_the_alarm_and_not_before(tmp_path):
    fed = rows(*[QUIET] * 20, *[LOUD] * 10)
    first = [asked(tmp_path / str(week), fed, as_of=FIRST + timedelta(weeks=week, days=-1))
             for week in (21, 22)]  # fmt: skip
    assert [found.finding.startswith("From the week of 20 May 2024 on") for found in first] == [
        False, True,
    ]  # fmt: skip


def test_more_comments_of_everything_are_no_rise(tmp_path):
    found = asked(tmp_path, rows(*[QUIET] * 15, *[QUIET * 4] * 15))
    assert found.finding == (
        "No theme came up or rose: in 30 weeks of 1,500 comments none of 1 theme took a larger "
        "share than its own past and chance would bring."
    )
    assert set(found.table["rising"]) == {0}


def test_one_person_who_comes_back_is_no_rise(tmp_path):
    fed = rows(*[QUIET] * 20, *[QUIET + [LOOP] * 6] * 10)
    for row in fed:
        if row["comment"] == LOOP:
            row["customer_id"] = "one"
    assert asked(tmp_path, fed).finding.startswith("No theme came up or rose")


def test_who_comes_and_goes_is_no_rise(tmp_path):
    """Sixty people write every week, each of one and the same thing, some for a few weeks only."""
    alarms = 0
    for seed in range(8):
        draw, fed = random.Random(seed), []
        for person in range(60):
            long = draw.randint(6, 30)
            first = draw.randint(0, 70 - long)
            text = LOOP if draw.random() < 0.3 else FLAT
            weeks = [[text] if first <= week < first + long else [] for week in range(70)]
            fed += [{**row, "feedback_id": f"{person}-{row['feedback_id']}",
                     "customer_id": f"c{person}"} for row in rows(*weeks)]  # fmt: skip
        found = asked(tmp_path / str(seed), fed)
        alarms += found.table.filter(theme="login")["rose"].count() > 0
    assert alarms <= 1


def test_the_week_that_is_not_over_is_not_judged(tmp_path):
    fed = rows(*[QUIET] * 20, LOUD[:3])
    assert FIRST + timedelta(weeks=20, days=2) == date.fromisoformat(fed[-1]["given_at"][:10])
    found = asked(tmp_path, fed)
    assert found.table.filter(theme="login")["state"].to_list() == ["judged"] * 20 + ["unfinished"]
    assert found.finding.startswith("No theme came up or rose: in 20 weeks")
    assert any("The week from 20 May 2024 on is not over" in c for c in found.caveats)


def test_a_theme_that_no_book_knows_shows_as_none(tmp_path):
    new = ["The robot answers in rhymes"] * 12 + [LATE] * 8
    found = asked(tmp_path, rows(*[[LATE] * 16 + [FLAT] * 4] * 20, *[new] * 6))
    assert "spoke of no theme at all, against 20.0 %" in found.finding


def test_months_and_wrong_periods(tmp_path):
    found = asked(tmp_path, rows(*[QUIET] * 40, *[LOUD] * 12), every="month")
    months = found.table.filter(theme="login")["begins"]
    assert months[0] == FIRST and months.dt.day().unique().to_list() == [1]
    assert "From the month of 1 Oct 2024 on" in found.finding
    ws = company(tmp_path / "b")
    with pytest.raises(BadQuestion, match=r"^every is 'day'; give 'week' or 'month'\.$"):
        cx.theme_trend(ws, every="day")
    with pytest.raises(BadQuestion, match="give 'week' or 'month'"):
        cx.theme_trend(ws, every=["week"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_t21_in_five_thousand_texts(tmp_path, seed):
    """The login loop appears in week 70 and peaks in week 74: sure by week 71 or 72."""
    draw = random.Random(seed)
    loop = dict(zip(range(70, 82), (5, 8, 11, 15, 18, 13, 9, 6, 4, 3, 2, 1), strict=True))
    weeks = []
    for week in range(1, 105):
        others = draw.choices([LATE, FLAT, "So kind"], [3, 5, 2], k=draw.randint(38, 56))
        weeks.append([LOOP] * loop.get(week, 0) + others)
    found = asked(tmp_path, rows(*weeks))
    assert 4_500 < found.n < 5_500
    row = found.table.filter(theme="login").row(0, named=True)
    week = {name: (row[name] - FIRST).days // 7 + 1 for name in ("rose", "alarm", "peak")}
    assert week["rose"] == 70
    assert week["alarm"] in (71, 72)
    assert week["peak"] in (73, 74, 75)
    assert found.table.filter(theme="delivery")["rose"].null_count() == 104


def test_hostile_comments(tmp_path):
    none = asked(tmp_path / "a", rows([None, "", " "]))
    assert none.finding == "There are no dated comments: whether a theme rose cannot be said."
    assert none.table.is_empty() and none.n == 0
    none.chart()
    few = asked(tmp_path / "b", rows([LOOP], [LATE]))
    assert few.finding == (
        "2 comments in 2 weeks: too few to say whether a theme rose (it takes 30 comments in 6 "
        "finished weeks)."
    )
    few.chart()
    odd = asked(tmp_path / "c", rows(*[["🌷", "ok", "=1+1", "<b>x</b>"]] * 10), book=None)
    assert odd.finding == "Cannot say: 40 comments have no themes that can be shown."
    undated = rows(*[QUIET] * 8)
    for row in undated[:5]:
        row["given_at"] = None
    found = asked(tmp_path / "d", undated)
    assert found.n == 155
    assert any("5 comments without a date" in caveat for caveat in found.caveats)
    one = asked(tmp_path / "e", rows(*[QUIET] * 20, *[LOUD] * 8, same="one"))
    assert one.finding.startswith("No theme came up or rose")
    assert one.n == 560


def test_a_report_folds_themes_of_few_people(tmp_path, monkeypatch):
    ws = company(tmp_path, feedback=rows(*[QUIET] * 10, [LOOP, LATE, FLAT]))
    cx.keep_themes(ws, BOOK)
    assert "login" in cx.theme_trend(ws).table["theme"].to_list()
    monkeypatch.setenv("CXKIT_REPORT", "1")
    assert "login" not in cx.theme_trend(ws).table["theme"].to_list()


def test_a_report_leaves_weeks_of_few_people_blank(tmp_path, monkeypatch):
    fed = rows(*[QUIET] * 4, [LATE], [], *[QUIET] * 6, QUIET[:15])
    ws = company(tmp_path / "a", feedback=fed)
    cx.keep_themes(ws, BOOK)
    assert cx.theme_trend(ws).table.filter(theme="delivery").row(4)[2:6] == (1, 1, 1, 1.0)
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.theme_trend(ws)
    delivery = found.table.filter(theme="delivery")
    # the next larger week as well, or the one comment would be the total less the others
    assert delivery["comments"].to_list() == [20] * 4 + [None, 0] + [20] * 6 + [None]
    for name in ("mentions", "people", "share", "share_low", "past_share_high", "cusum"):
        assert [delivery[name][at] for at in (4, 12)] == [None, None]
    assert delivery["people"].to_list() == [4] * 4 + [None, 0] + [4] * 6 + [None]
    assert found.n == 216
    assert (
        "Left blank, and out of the shares told here: 2 weeks in which fewer than 10 people "
        "wrote, or by which those could be worked out."
    ) in found.caveats
    found.chart()
    alone = cx.theme_trend(company(tmp_path / "b", feedback=rows([LATE])))
    assert alone.table.select("comments", "mentions", "share").rows() == [(None, None, None)]
    assert alone.finding == (
        "In no week 10 people or more wrote: a report does not say whether a theme rose."
    )
    alone.chart()


def test_a_report_tells_of_months_where_weeks_are_of_few_people(tmp_path, monkeypatch):
    monkeypatch.setenv("CXKIT_REPORT", "1")
    fed = rows(*[QUIET[2:7]] * 32)
    found = asked(tmp_path / "a", fed)
    assert found.finding.startswith("No theme came up or rose: in 6 months of ")
    weeks = asked(tmp_path / "b", fed, every="week")
    assert weeks.finding == (
        "In no week 10 people or more wrote: a report does not say whether a theme rose."
    )
    # of months there are too few to judge, and of the people too few in a month
    for folder, few in (("c", fed[:60]), ("d", rows(*[QUIET[:2]] * 32))):
        assert asked(tmp_path / folder, few).finding == weeks.finding


def test_a_rise_in_blank_weeks_is_not_told(tmp_path, monkeypatch):
    """That eight people began to speak of something is told of those eight."""
    fed = rows(*[QUIET] * 20, *[[LOOP] * 8] * 3, *[QUIET] * 6)
    ws = company(tmp_path, feedback=fed)
    cx.keep_themes(ws, BOOK)
    assert cx.theme_trend(ws).finding.endswith(
        "of 24 comments spoke of 'login', against 0.0 % (0.0–1.0) of 400 before; most in the week "
        "of 20 May 2024 (8 of 8), and sure at the end of that week."
    )
    monkeypatch.setenv("CXKIT_REPORT", "1")
    found = cx.theme_trend(ws)
    assert found.finding == (
        "No theme came up or rose: in 26 weeks of 520 comments none of 2 themes took a larger "
        "share than its own past and chance would bring."
    )
    assert found.table["rose"].null_count() == found.table.height
    found.chart()


def _of_a_hidden_week(login):
    """Weeks of twenty people, in the twelfth nine: so many of these speak of the login."""
    loud = [LOOP] + [LATE] * 4 + [FLAT] * 15
    return rows(*[loud] * 12, [LOOP] * login + [LATE] * (9 - login), *[loud] * 6, [LATE] * 3)


def test_no_other_figure_tells_of_a_hidden_week(tmp_path, monkeypatch):
    """An attacker who knows all other weeks tries out what the hidden one may have held."""
    monkeypatch.setenv("CXKIT_REPORT", "1")
    told = []
    for login in (0, 3, 9):
        ws = company(tmp_path / str(login), feedback=_of_a_hidden_week(login))
        cx.keep_themes(ws, BOOK)
        found = cx.theme_trend(ws)
        login_rows = found.table.filter(theme="login")
        assert login_rows["comments"].null_count() == 2, "the week that is not over hides with it"
        assert login_rows["state"].null_count() == 2
        assert login_rows["past_share"][0] == pytest.approx(18 / 360)
        told.append((found.table.sort("theme", "begins").rows(), found.finding, found.caveats))
    assert told[0] == told[1] == told[2]
    monkeypatch.delenv("CXKIT_REPORT")
    after = [
        cx.theme_trend(cx.open(tmp_path / str(login))).table.filter(theme="login")["cusum"][13]
        for login in (0, 9)
    ]
    assert after[0] != after[1], "in a notebook the next week does tell"


def test_a_week_is_named_once(tmp_path):
    loud = [LOOP] * 15 + [LATE] * 5
    brief = asked(tmp_path / "a", rows(*[QUIET] * 20, loud, *[QUIET] * 6))
    assert brief.finding == (
        "In the week of 20 May 2024 75.0 % (53.1–88.8) of 20 comments spoke of 'login', against "
        "0.0 % (0.0–1.0) of 400 before, and sure at the end of that week."
    )
    slow = [[LOOP] * 3 + QUIET, [LOOP] * 3 + QUIET, [LOOP] * 3 + QUIET + [FLAT] * 2]
    slow = asked(tmp_path / "b", rows(*[QUIET] * 20, *slow, *[QUIET] * 6))
    assert slow.finding == (
        "From the week of 20 May 2024 until that of 3 Jun 2024 12.7 % (6.8–22.4) of 71 comments "
        "spoke of 'login', against 0.0 % (0.0–1.0) of 400 before; most in the week of 20 May 2024 "
        "(3 of 23), and sure at the end of the last of these weeks."
    )
