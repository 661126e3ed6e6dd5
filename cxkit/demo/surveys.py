"""What they answer when asked: surveys, who answers, in which words (T15, T16, T23, T25)."""

from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, END, Effects, Profile, settle, week_of
from cxkit.demo.desk import TOPICS, Tickets
from cxkit.demo.draws import Bools, Draws, Floats, Ints
from cxkit.demo.lives import Lives
from cxkit.demo.orders import Orders, spent_by
from cxkit.demo.texts import (
    ASKING,
    COMPLAINING,
    MIXED,
    NEGATIVE,
    NOTHING,
    POSITIVE,
    PRAISING,
    SUGGESTING,
    THEME_OF,
    THEME_WEIGHTS,
    Comments,
)

RELATIONSHIP, DELIVERY, SUPPORT = range(3)
SURVEYS = ("relationship", "after delivery", "after support")
ITEMS = ("Delivery", "Ease of ordering", "Price", "Packaging colour")  # the last is a placebo
_THEME_OF_TOPIC = {
    "double charge": "double charge",
    "coupon rejected": "coupon",
    "login loop": "login loop",
    "damaged on arrival": "product quality",
    "late delivery": "delivery",
    "missing item": "delivery",
    "wrong item": "delivery",
    "app crash": "app",
    "checkout error": "checkout",
    "slow pages": "app",
    "address not saved": "checkout",
    "stock shown wrong": "stock",
    "refund request": "returns",
    "return": "returns",
}


@dataclass
class Answers:
    """One entry per invitation, sorted by the time of the invitation."""

    person: Ints
    survey: Ints
    about: Ints  # position in Orders or Tickets; -1 for the relationship survey
    invited: Ints  # local seconds
    answered: Ints  # -1 where they did not
    nps: Ints  # -1 where not asked or not answered
    csat: Ints
    ces: Ints
    items: Ints  # (invitations, 4), -1 where not answered
    comment: list[str]
    theme: Ints  # -1 where there is no comment
    intent: Ints
    mood: Ints
    replied: Ints  # -1 where the company did not write back
    true_nps: Ints  # per buyer: what each would have answered (T16)


def make_answers(
    orders: Orders,
    lives: Lives,
    tickets: Tickets,
    created: Ints,
    profile: Profile,
    effects: Effects,
    seed: int,
) -> Answers:
    """Send all invitations, then let the people answer and write."""
    draws = Draws(seed, "surveys")
    true_nps, parts = _relationship(orders, lives, created, effects, draws)
    surveys = [parts, _after_delivery(orders, profile, draws)]
    surveys.append(_after_support(tickets, len(lives.left), profile, effects, draws))
    columns = [np.concatenate(column) for column in zip(*surveys, strict=True)]
    person, survey, about, invited, answers, nps, csat, ces, items = columns
    in_order = np.lexsort((survey, person, invited))
    person, survey, about, invited = (c[in_order] for c in (person, survey, about, invited))
    answers, nps, csat, ces, items = (c[in_order] for c in (answers, nps, csat, ces, items))
    count = len(person)

    wait = np.floor(draws.lognormal(count, median=20.0, sigma=1.1) * 3600).astype(np.int64)
    answered = np.where(answers, settle(_waking(invited + 600 + wait)), -1)
    answered[answered > END] = -1
    given = answered >= 0
    loop = _choose_loop(answered, survey, profile, effects, draws)
    low = 1 + draws.integers(0, 2, len(loop))
    if effects.loop_comments:
        csat[loop] = low
    for column in (nps, csat, ces):
        column[~given] = -1
    items[~given] = -1

    spoilt = _choose_delivery(csat, effects, Draws(seed, "delivery told"))
    theme, intent, mood = _what_to_say(
        given, survey, about, tickets, nps, csat, loop, spoilt, draws
    )
    comments = Comments(Draws(seed, "comments"), count)
    texts = [
        comments.write(i, int(theme[i]), int(mood[i]), int(intent[i])) if theme[i] >= 0 else ""
        for i in range(count)
    ]
    # the company writes back to most complaints and few suggestions
    chance = np.array([0.81, 0.10, 0.38, 0.60, 0.0])[intent]
    back = given & (theme >= 0) & draws.chance(chance, count)
    when = settle(
        answered + np.floor(draws.lognormal(count, median=3.0, sigma=0.7) * DAY).astype(np.int64)
    )
    replied = np.where(back & (when <= END), when, -1)
    return Answers(
        person, survey, about, invited, answered, nps, csat, ces, items, texts, theme, intent, mood,
        replied, true_nps,
    )  # fmt: skip


_Part = tuple[Ints, Ints, Ints, Ints, Bools, Ints, Ints, Ints, Ints]


def _waking(second: Ints) -> Ints:
    hour = second % DAY
    return np.where(hour < 7 * 3600, second - hour + 7 * 3600 + hour % 5000, second)


def _five(score: Floats, middle: float | Floats = 3.65) -> Ints:
    """Put a standard score on the scale 1-5."""
    return np.clip(np.round(middle + 0.95 * score), 1, 5).astype(np.int64)


def _relationship(
    orders: Orders, lives: Lives, created: Ints, effects: Effects, draws: Draws
) -> tuple[Ints, _Part]:
    """T15, T16: every buyer is asked once, two weeks after one of their purchases."""
    buyers = len(lives.left)
    # T15: three drivers and a placebo share a halo; only the drivers make satisfaction
    shared = draws.normal(buyers)[:, None]
    own = draws.normal(buyers, 4)
    drivers = np.sqrt(effects.halo) * shared + np.sqrt(1 - effects.halo) * own
    satisfied = drivers[:, :3] @ np.asarray(effects.driver_weights)
    noise = draws.normal(buyers)
    satisfied = satisfied + (0.5 if any(effects.driver_weights) else 1.0) * noise
    satisfied = satisfied / satisfied.std()

    # T16: promoters lean to long tenure and high spend, and answer oftener for their own sake
    tenured = created[:buyers] < -180 * DAY
    spent = spent_by(orders, buyers)
    spender = spent > np.median(spent)
    leaning = 0.8 * satisfied + 0.30 * tenured + 0.30 * spender + 0.6 * draws.normal(buyers)
    promoters, passives, _ = effects.nps_shares
    rank = np.argsort(np.argsort(-leaning, kind="stable"), kind="stable") / buyers
    group = np.searchsorted([promoters, promoters + passives], rank, side="right")
    u = draws.uniform(buyers)
    low = np.searchsorted(np.cumsum([0.03, 0.03, 0.06, 0.10, 0.14, 0.26]), u, side="right")
    true_nps = np.where(group == 0, 9 + (u < 0.48), np.where(group == 1, 7 + (u < 0.56), low))
    warm = (1 + 0.25 * tenured) * (1 + 0.20 * spender)
    if effects.promoters_answer == 1.0:
        warm = np.ones(buyers)
    is_promoter = group == 0
    boost = effects.promoters_answer * warm[~is_promoter].mean() / warm[is_promoter].mean()
    weight = warm * np.where(is_promoter, boost, 1.0)
    answers = draws.chance(0.376 * weight / weight.mean(), buyers)

    # one purchase each, at random
    key = draws.uniform(len(orders.day))
    in_order = np.lexsort((key, orders.buyer))
    first = np.searchsorted(orders.buyer[in_order], np.arange(buyers))
    order = in_order[first]
    invited = orders.second[order] + 14 * DAY
    invited = np.minimum(_waking(invited), END - 5 * DAY + draws.integers(0, DAY, buyers))
    fills_items = draws.chance(0.72, buyers)
    items = np.where(fills_items[:, None], _five(drivers), -1)
    none = np.full(buyers, -1)
    csat = _five(satisfied)
    kind = np.full(buyers, RELATIONSHIP)
    part = (np.arange(buyers), kind, none, invited, answers, true_nps, csat, none, items)
    return true_nps, part


def _after_delivery(orders: Orders, profile: Profile, draws: Draws) -> _Part:
    count = profile.size(5600)
    pool = np.flatnonzero(orders.second < END - 12 * DAY)
    order = np.sort(draws.sample(pool, count))
    invited = _waking(orders.second[order] + draws.integers(4 * DAY, 6 * DAY, count))
    none = np.full(count, -1)
    csat = _five(draws.normal(count), middle=3.9)
    kind = np.full(count, DELIVERY)
    answers = draws.chance(0.33, count)
    items = np.full((count, 4), -1)
    return orders.buyer[order], kind, order, invited, answers, none, csat, none, items


def _after_support(
    tickets: Tickets, buyers: int, profile: Profile, effects: Effects, draws: Draws
) -> _Part:
    """T23: a good recovery pleases; elsewhere the desk's scores follow how it ended."""
    done = (tickets.resolved > 0) & (tickets.resolved < END - 10 * DAY) & (tickets.person < buyers)
    asked = done & (tickets.good_recovery | draws.chance(0.40, len(done)))
    ticket = np.flatnonzero(asked)
    count = len(ticket)
    score = draws.normal(count)
    good = tickets.good_recovery[ticket]
    bad_end = np.array([tickets.resolution[t] in ("no solution", "declined") for t in ticket])
    matters = 1.0 if effects.recovery_lift else 0.0
    ending = 0.2 + 1.4 * bad_end + 0.25 * tickets.escalated[ticket]
    lift = np.where(good, effects.recovery_lift, -matters * ending)
    csat = _five(score, middle=3.9 + lift)
    ces = np.clip(np.round(5.0 + lift + 1.2 * (0.7 * score + 0.7 * draws.normal(count))), 1, 7)
    answers = draws.chance(np.where(good, 0.55, 0.36), count)
    none = np.full(count, -1)
    invited = _waking(tickets.resolved[ticket] + draws.integers(3600, DAY, count))
    kind = np.full(count, SUPPORT)
    items = np.full((count, 4), -1)
    person = tickets.person[ticket]
    return person, kind, ticket, invited, answers, none, csat, ces.astype(np.int64), items


def _choose_loop(
    answered: Ints, survey: Ints, profile: Profile, effects: Effects, draws: Draws
) -> Ints:
    """T21: the answers of each week that speak of the login loop."""
    week = np.where(answered >= 0, week_of(answered // DAY), 0)
    free = (answered >= 0) & (survey != RELATIONSHIP)
    if not effects.loop_comments:  # null: a few all the time
        return np.flatnonzero(free & draws.chance(0.02, len(week)))
    chosen, due = [], 0.0
    for step, wanted in enumerate(effects.loop_comments):
        due += wanted * profile.scale
        pool = np.flatnonzero(free & (week == effects.loop_week + step))
        take = min(round(due), len(pool))
        due -= take
        chosen.append(draws.sample(pool, take))
    return np.concatenate(chosen)


def _choose_delivery(csat: Ints, effects: Effects, draws: Draws) -> Bools:
    """T25: who is less content tells of delivery more often than of the rest."""
    usual = THEME_WEIGHTS[THEME_OF["delivery"]] / sum(THEME_WEIGHTS)
    odds = usual / (1 - usual) * effects.delivery_weighs ** np.where(csat > 0, 5 - csat, 0)
    return draws.chance((odds / (1 + odds) - usual) / (1 - usual), len(csat))


def _what_to_say(
    given: Bools,
    survey: Ints,
    about: Ints,
    tickets: Tickets,
    nps: Ints,
    csat: Ints,
    loop: Ints,
    spoilt: Bools,
    draws: Draws,
) -> tuple[Ints, Ints, Ints]:
    """Theme, intent and mood of each comment; -1 where nothing is written."""
    count = len(given)
    level = np.where(nps >= 0, np.where(nps >= 9, 1, np.where(nps >= 7, 0, -1)), 0)
    level = np.where(nps < 0, np.where(csat >= 4, 1, np.where(csat == 3, 0, -1)), level)
    u = draws.uniform(count)
    # some write against their score: five stars, angry words
    mood = np.where(u < 0.84, level, np.where(u < 0.94, MIXED, -level))
    mood = np.where((level == 0) & (u < 0.84), draws.pick((40, 35, 25), count) - 1, mood)
    say = draws.uniform(count)
    intent = np.where(mood == POSITIVE, PRAISING, COMPLAINING)
    intent = np.where(say < 0.16, SUGGESTING, intent)
    intent = np.where((say >= 0.16) & (say < 0.24), ASKING, intent)
    intent = np.where((say >= 0.24) & (say < 0.265), NOTHING, intent)
    theme = draws.pick(THEME_WEIGHTS, count)
    theme[spoilt] = THEME_OF["delivery"]
    names = [_THEME_OF_TOPIC.get(topic.name, "support") for topic in TOPICS]
    of_topic = np.array([THEME_OF[name] for name in names])
    from_ticket = (survey == SUPPORT) & draws.chance(0.55, count)
    theme[from_ticket] = of_topic[tickets.topic[about[from_ticket]]]
    # the loop of T21 is told where it is planted, and nowhere else
    looped = from_ticket & (theme == THEME_OF["login loop"])
    theme[looped] = THEME_OF["support"]
    silent = draws.chance(0.09, count) | ~given
    theme[loop], mood[loop], silent[loop] = THEME_OF["login loop"], NEGATIVE, False
    intent[loop] = np.where(draws.chance(0.8, len(loop)), COMPLAINING, ASKING)
    theme[silent] = -1
    return theme, intent, mood
