"""What they buy: amounts that follow the planted index (T08), places and times of purchase."""

from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, DAYS, END, Effects, Profile, index_of_month, month_of, week_of
from cxkit.demo.draws import Bools, Draws, Floats, Ints
from cxkit.demo.lives import Lives

WEB, APP, STORE, PHONE = range(4)
PLACES = ("web", "app", "store", "phone")
MOBILE, DESKTOP, IN_APP, NO_DEVICE = range(4)
DEVICES = ("mobile", "desktop", "app", "")

PRODUCTS = {  # category: its products and a usual price
    "Seeds": ("Sweet pea seeds", "Heirloom tomato seeds", "Meadow mix", "Winter salad seeds"),
    "Bulbs": ("Tulip bulbs", "Snowdrop bulbs", "Allium bulbs"),
    "Tools": ("Hand trowel", "Secateurs", "Long-handled hoe", "Watering can", "Hose reel"),
    "Pots": ("Terracotta pot", "Glazed planter", "Window box", "Hanging basket"),
    "Furniture": ("Folding bistro chair", "Oak bench", "Parasol", "Side table"),
    "Lighting": ("Solar lantern", "Festoon lights", "Path light"),
    "Kitchen": ("Herb scissors", "Enamel bowl", "Linen tea towels", "Preserving jars"),
    "Textiles": ("Wool throw", "Outdoor cushion", "Doormat"),
}
CATEGORIES = tuple(PRODUCTS)
_CATEGORY_WEIGHTS = (18, 10, 16, 14, 9, 9, 14, 10)


@dataclass(frozen=True)
class Visits:
    """How many web sessions and orders each week has on each device (T03, T04).

    The arrays hold one entry per session; `depth` counts the steps reached, 1 visited … 5 paid.
    """

    week: Ints
    device: Ints
    depth: Ints


@dataclass
class Orders:
    """One entry per real purchase, sorted by time; then what the desk added."""

    buyer: Ints
    day: Ints
    second: Ints  # local seconds since day 0
    place: Ints
    device: Ints
    cents: Ints
    discounted: Bools
    lines: Ints
    category: Ints
    product: Ints
    refund_cents: Ints  # 0 where nothing was given back
    refund_second: Ints
    month_factor: dict[str, list[float]]  # how far amounts were moved to meet the index

    def number(self, order: int) -> str:
        """The order's name in the shop."""
        return f"#BW{100_001 + order}"


def make_visits(profile: Profile, effects: Effects, draws: Draws) -> Visits:
    """Draw the web sessions of each week, device by device."""
    weeks, devices, depths = [], [], []
    for device, per_week in (
        (MOBILE, effects.mobile_sessions),
        (DESKTOP, effects.desktop_sessions),
    ):
        half_year = np.arange(104) // 26
        sessions = np.array([profile.size(per_week[h]) for h in half_year])
        week = np.repeat(np.arange(1, 105), sessions)
        # T04: conversion falls by third parts of the planted points, half-year by half-year
        fall = effects.conversion_fall * np.repeat(half_year, sessions) / 3
        if device == MOBILE:
            to_checkout, pays = 0.4615, np.full(len(week), effects.mobile_checkout)
            steps = (0.80, 0.75)
        else:
            to_checkout, pays = 0.70, np.full(len(week), effects.desktop_checkout)
            steps = (0.90, 0.88)
        last_step = (to_checkout - fall / pays) / (steps[0] * steps[1])
        if device == MOBILE:  # T03
            first, last = effects.broken_weeks
            pays[(week >= first) & (week <= last)] = effects.mobile_checkout_broken
        first_steps = (np.full(len(week), steps[0]), np.full(len(week), steps[1]))
        depth = np.ones(len(week), dtype=np.int64)
        for half in range(4):
            here = np.flatnonzero(half_year[week - 1] == half)
            for goes_on in (*first_steps, last_step, pays):
                # even draws: T04 is smaller than the luck of plain ones
                here = here[draws.even(len(here)) < goes_on[here]]
                depth[here] += 1
        weeks.append(week)
        devices.append(np.full(len(week), device))
        depths.append(depth)
    return Visits(np.concatenate(weeks), np.concatenate(devices), np.concatenate(depths))


def make_orders(
    lives: Lives,
    features: Floats,
    late_features: Floats,
    late_from: int,
    visits: Visits,
    profile: Profile,
    effects: Effects,
    seed: int,
) -> Orders:
    """Give every purchase its amount, place, device and hour."""
    draws = Draws(seed, "orders")
    buyer, day = lives.buyer, lives.day
    count = len(day)
    manner = np.where((day >= late_from)[:, None], late_features[buyer], features[buyer])
    basket, mobile, evening, discount, returns = (manner[:, i] for i in (0, 2, 3, 4, 5))

    place, device = _places(visits, week_of(day), mobile / 100, draws)
    second = day * DAY + _hour(evening / 100, count, draws)
    discounted = draws.chance(discount / 100, count)
    raw = np.maximum(basket * np.exp(0.32 * draws.normal(count) - 0.32**2 / 2), 6.0)
    gives_back = draws.chance(0.0011 * returns if effects.dirt else 0.0, count)
    whole = draws.chance(0.6, count)
    wait = draws.integers(3 * DAY, 20 * DAY, count)
    refund_second = second + wait
    gives_back &= refund_second < END - DAY
    cents, refund_cents, factors = _calibrate(
        raw, gives_back, whole, month_of(day), month_of(refund_second // DAY), lives, effects
    )

    in_order = np.lexsort((buyer, second))
    category = draws.pick(_CATEGORY_WEIGHTS, count)
    product = np.floor(
        draws.uniform(count) * np.array([len(p) for p in PRODUCTS.values()])[category]
    ).astype(np.int64)
    return Orders(
        buyer[in_order],
        day[in_order],
        second[in_order],
        place[in_order],
        device[in_order],
        cents[in_order],
        discounted[in_order],
        1 + draws.pick((66, 24, 10), count),
        category,
        product,
        refund_cents[in_order],
        refund_second[in_order],
        factors,
    )


def _places(visits: Visits, week: Ints, mobile: Floats, draws: Draws) -> tuple[Ints, Ints]:
    """Choose which orders of a week were paid in a web session; then app, store or phone."""
    count = len(week)
    paid = visits.depth == 5
    place = np.full(count, -1)
    device = np.full(count, NO_DEVICE)
    for kind, leaning in ((MOBILE, mobile), (DESKTOP, 1.0 - mobile)):
        wanted = np.bincount(visits.week[paid & (visits.device == kind)], minlength=106)
        # weighted sampling without replacement: the largest u^(1/w) of the week
        score = np.log(draws.uniform(count) + 1e-300) / np.maximum(leaning, 0.02)
        score[place >= 0] = -np.inf
        in_order = np.lexsort((-score, week))
        rank = np.empty(count, dtype=np.int64)
        begins = np.searchsorted(week[in_order], np.arange(107))
        rank[in_order] = np.arange(count) - begins[week[in_order]]
        chosen = (rank < wanted[week]) & (place < 0)
        place[chosen], device[chosen] = WEB, kind
    rest = np.flatnonzero(place < 0)
    other = np.array([APP, STORE, PHONE])[draws.pick((56, 31, 13), len(rest))]
    place[rest] = other
    device[rest[other == APP]] = IN_APP
    return place, device


def _hour(evening: Floats, count: int, draws: Draws) -> Ints:
    """Seconds since midnight: between 18:00 and 23:45 for evening purchases, else from 07:00."""
    late = draws.chance(evening, count)
    low = np.where(late, 18 * 3600, 7 * 3600)
    high = np.where(late, 23 * 3600 + 2700, 18 * 3600)
    second: Ints = np.floor(low + draws.uniform(count) * (high - low)).astype(np.int64)
    return second


def _calibrate(
    raw: Floats,
    gives_back: Bools,
    whole: Bools,
    month: Ints,
    refund_month: Ints,
    lives: Lives,
    effects: Effects,
) -> tuple[Ints, Ints, dict[str, list[float]]]:
    """T08: scale each month's amounts so that purchases less refunds meet the index."""
    opening = lives.opening[lives.buyer]
    cents = np.zeros(len(raw), dtype=np.int64)
    refund = np.zeros(len(raw), dtype=np.int64)
    point = raw[opening & (month == 1)].sum() / index_of_month(effects, 1)[0]
    factors: dict[str, list[float]] = {"opening": [], "newcomers": [], "eur_per_index_point": []}
    factors["eur_per_index_point"].append(round(float(point), 6))
    share = np.where(gives_back, np.where(whole, 1.0, 0.4), 0.0)
    for group, members in enumerate((opening, ~opening)):
        for m in range(1, 25):
            now = members & (month == m)
            owed = refund[members & (refund_month == m) & (month < m)].sum() / 100
            at_once = (raw * share)[now & (refund_month == m)].sum()
            target = index_of_month(effects, m)[group] * point
            factor = (target + owed) / (raw[now].sum() - at_once)
            cents[now] = np.maximum(np.round(100 * raw[now] * factor), 200).astype(np.int64)
            refund[now] = np.round(cents[now] * share[now]).astype(np.int64)
            factors["newcomers" if group else "opening"].append(round(float(factor), 4))
    return cents, refund, factors


def spent_by(orders: Orders, buyers: int) -> Floats:
    """EUR of each buyer over the two years."""
    euros = np.bincount(orders.buyer, weights=orders.cents / 100, minlength=buyers)
    return np.asarray(euros, dtype=np.float64)


def last_day(lives: Lives) -> Ints:
    """The day of each buyer's latest purchase."""
    latest = np.zeros(len(lives.left), dtype=np.int64)
    np.maximum.at(latest, lives.buyer, lives.day)
    return np.minimum(latest, DAYS - 1)
