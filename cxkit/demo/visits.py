"""What they do on the web and in the app: one row per event, linked to the orders."""

from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, DAYS, END, Effects, settle
from cxkit.demo.draws import Draws, Floats, Ints
from cxkit.demo.lives import Lives
from cxkit.demo.orders import APP, CATEGORIES, IN_APP, WEB, Orders, Visits

EVENTS = (
    "visited",
    "guide read",
    "product viewed",
    "added to cart",
    "checkout started",
    "paid",
    "account viewed",
    "glitch seen",
    "newsletter signed up",
)
VISITED, GUIDE, VIEWED, CART, CHECKOUT, PAID, ACCOUNT, GLITCH, SIGNED_UP = range(9)
ARRIVED_BY = ("search", "newsletter", "social", "direct", "advert")
GUIDES = ("guide: spring sowing", "guide: pruning", "guide: small balconies", "guide: lawn repair")
NOBODY = -1


@dataclass
class Events:
    """One entry per event, sorted by time."""

    second: Ints  # local
    event: Ints
    session: Ints
    person: Ints  # NOBODY for a visitor whom nobody could link
    visitor: Ints
    logged_in: Ints  # 1 where the event carries the user's id
    device: Ints
    arrived_by: Ints
    page: Ints  # category, or len(CATEGORIES) + guide
    topic: Ints  # 0 none, 1 double charge, 2 coupon rejected
    order: Ints  # position in Orders, or -1


@dataclass
class _Sessions:
    """Sessions that are laid out alike: the steps that each reaches, in order."""

    start: Ints  # local second of the first event; of the last where it ends in an order
    steps: Ints  # (sessions, k) event numbers, -1 for none
    person: Ints
    visitor: Ints
    login_from: Ints  # step from which the user is logged in; large: never
    device: Ints
    topic: Ints
    order: Ints


def make_events(
    visits: Visits,
    orders: Orders,
    lives: Lives,
    evening: Floats,
    created: Ints,
    effects: Effects,
    seed: int,
) -> Events:
    """Lay out all sessions. `created` says when each known person became known (local second)."""
    draws = Draws(seed, "visits")
    people = len(created)
    parts = [
        _paid_on_the_web(orders, draws),
        _paid_in_the_app(orders, draws),
        _left_the_web(visits, orders, lives, created, people, draws),
        _browsed(lives, evening, draws),
        _met_a_glitch(lives, evening, effects, draws),
    ]
    return _lay_out(parts, people, draws)


def visitor_of(person: Ints, device: Ints, day: Ints, people: int) -> Ints:
    """A browser's number: people get a new one per device and after a year (cookies go)."""
    return ((day // 364).clip(0, 1) * 3 + device) * people + person


def _funnel(depth: Ints) -> Ints:
    steps = np.array([VISITED, GUIDE, VIEWED, CART, CHECKOUT, PAID])
    reach = np.array([1, 99, 2, 3, 4, 5])  # the guide is set by whoever reads one
    return np.where(depth[:, None] >= reach, steps, -1)


def _paid_on_the_web(orders: Orders, draws: Draws) -> _Sessions:
    order = np.flatnonzero(orders.place == WEB)
    count = len(order)
    steps = _funnel(np.full(count, 5))
    steps[draws.chance(0.15, count), 1] = GUIDE
    return _Sessions(
        orders.second[order] - 20,
        steps,
        orders.buyer[order],
        np.full(count, -1),
        np.full(count, 4),  # at the checkout
        orders.device[order],
        np.zeros(count, dtype=np.int64),
        order,
    )


def _paid_in_the_app(orders: Orders, draws: Draws) -> _Sessions:
    order = np.flatnonzero(orders.place == APP)
    count = len(order)
    return _Sessions(
        orders.second[order] - 20,
        np.tile(np.array([VISITED, VIEWED, CART, PAID]), (count, 1)),
        orders.buyer[order],
        np.full(count, -1),
        np.zeros(count, dtype=np.int64),
        np.full(count, IN_APP),
        np.zeros(count, dtype=np.int64),
        order,
    )


def _left_the_web(
    visits: Visits, orders: Orders, lives: Lives, created: Ints, people: int, draws: Draws
) -> _Sessions:
    """Sessions without a purchase: mostly strangers, so that they do not pay elsewhere later."""
    left = np.flatnonzero(visits.depth < 5)
    count, buyers = len(left), len(lives.left)
    day = 7 * (visits.week[left] - 1) + draws.integers(0, 7, count)
    start = day * DAY + draws.integers(7 * 3600, 23 * 3600, count)
    kind = draws.pick((55, 25, 10, 10), count)  # stranger, prospect, soon a buyer, buyer
    person = np.full(count, NOBODY)

    prospects = buyers + np.argsort(created[buyers:], kind="stable")
    known = np.searchsorted(created[prospects], start)
    chosen = np.flatnonzero((kind == 1) & (known > 0))
    u = draws.uniform(count)
    person[chosen] = prospects[np.floor(u[chosen] * known[chosen]).astype(np.int64)]

    newcomers = np.flatnonzero(~lives.opening)
    newcomers = newcomers[np.argsort(lives.joined[newcomers], kind="stable")]
    low = np.searchsorted(lives.joined[newcomers], day + 1)
    high = np.searchsorted(lives.joined[newcomers], day + 30)
    chosen = np.flatnonzero((kind == 2) & (high > low))
    someone = newcomers[(low + np.floor(u * (high - low)).astype(np.int64))[chosen]]
    is_known = created[someone] <= start[chosen]
    person[chosen[is_known]] = someone[is_known]

    # a buyer who is still there: one who also bought within the same week
    from_order = np.searchsorted(orders.day, 7 * (visits.week[left] - 1))
    to_order = np.searchsorted(orders.day, 7 * visits.week[left])
    chosen = np.flatnonzero((kind == 3) & (to_order > from_order))
    bought = (from_order + np.floor(u * (to_order - from_order)).astype(np.int64))[chosen]
    person[chosen] = orders.buyer[bought]
    start[chosen] = orders.second[bought] + draws.integers(-5400, -1200, count)[chosen]

    depth = visits.depth[left]
    steps = np.concatenate([_funnel(depth), np.full((count, 1), -1)], axis=1)
    reads = np.array([0.10, 0.28, 0.48, 0.15])[kind]
    steps[draws.chance(reads, count), 1] = GUIDE
    signs_up = (person >= buyers) & (depth <= 3) & draws.chance(0.5, count)
    steps[signs_up, 6] = SIGNED_UP
    strangers = np.flatnonzero(person == NOBODY)
    visitor = np.full(count, -1)
    visitor[strangers] = (
        6 * people + draws.integers(0, max(1, int(len(strangers) / 1.4)), count)[strangers]
    )
    login = np.where(person == NOBODY, 99, np.where(person < buyers, 4, 6))
    return _Sessions(
        start,
        steps,
        person,
        visitor,
        login,
        visits.device[left],
        np.zeros(count, dtype=np.int64),
        np.full(count, -1),
    )


def _browsed(lives: Lives, evening: Floats, draws: Draws) -> _Sessions:
    """Active customers look into the app now and then: a sign of life between purchases."""
    until = np.minimum(lives.left, DAYS)
    stays = np.maximum(until - lives.joined, 0.0)
    looks = draws.poisson(np.minimum(0.2 * stays / 7, 60.0))
    person = np.repeat(np.arange(len(stays)), looks)
    count = len(person)
    day = np.floor(lives.joined[person] + draws.uniform(count) * stays[person]).astype(np.int64)
    awake = ~(lives.sleeper[person])  # T12: who sleeps is silent everywhere
    person, day = person[awake], day[awake]
    count = len(person)
    start = day * DAY + _any_hour(evening[person], count, draws)
    steps = np.full((count, 4), -1)
    steps[:, 0] = VISITED
    views = draws.chance(0.7, count)
    steps[views, 1] = VIEWED
    steps[views & draws.chance(0.3, count), 2] = CART  # and think better of it
    steps[draws.chance(0.12, count), 3] = ACCOUNT
    return _Sessions(
        start,
        steps,
        person,
        np.full(count, -1),
        np.zeros(count, dtype=np.int64),
        np.full(count, IN_APP),
        np.zeros(count, dtype=np.int64),
        np.full(count, -1),
    )


def _met_a_glitch(lives: Lives, evening: Floats, effects: Effects, draws: Draws) -> _Sessions:
    """T05, T07: the account page shows the glitch to the customer who is logged in."""
    person, count = lives.exposure_buyer, len(lives.exposure_day)
    entered = VISITED if effects.glitches_are_visits else -1
    return _Sessions(
        lives.exposure_day * DAY + _any_hour(evening[person], count, draws),
        np.tile(np.array([entered, ACCOUNT, GLITCH]), (count, 1)),
        person,
        np.full(count, -1),
        np.zeros(count, dtype=np.int64),
        np.full(count, IN_APP),
        np.where(lives.exposure_is_coupon, 2, 1),
        np.full(count, -1),
    )


def _any_hour(evening: Floats, count: int, draws: Draws) -> Ints:
    late = draws.chance(evening / 100, count)
    low = np.where(late, 18 * 3600, 7 * 3600)
    return np.floor(low + draws.uniform(count) * 5.5 * 3600).astype(np.int64)


def _lay_out(parts: list[_Sessions], people: int, draws: Draws) -> Events:
    columns: dict[str, list[Ints]] = {name: [] for name in Events.__dataclass_fields__}
    offset = 0
    for part in parts:
        count, width = part.steps.shape
        pause = 12 + np.floor(100 * draws.exponential(count, width)).astype(np.int64)
        passed = np.cumsum(pause, axis=1)
        ends = part.order >= 0
        first = np.where(ends, part.start - passed[:, -1], part.start - passed[:, 0])
        when = settle((first[:, None] + passed).ravel()).reshape(count, width)
        session, step = np.nonzero((part.steps >= 0) & (when <= END) & (when >= 0))
        event = part.steps[session, step]
        person = part.person[session]
        day = part.start[session] // DAY
        own = visitor_of(person, part.device[session], day, people)
        visitor = np.where(part.visitor[session] >= 0, part.visitor[session], own)
        category = draws.pick((18, 10, 16, 14, 9, 9, 14, 10), len(event))
        ordered = part.order[session]
        guide = len(CATEGORIES) + draws.integers(0, len(GUIDES), len(event))
        has_page = (event == VIEWED) | (event == CART)
        columns["second"].append(when[session, step])
        columns["event"].append(event)
        columns["session"].append(session + offset)
        columns["person"].append(person)
        columns["visitor"].append(visitor)
        columns["logged_in"].append(((step >= part.login_from[session]) & (person >= 0)) * 1)
        columns["device"].append(part.device[session])
        columns["arrived_by"].append(
            np.where(event == VISITED, draws.pick((34, 18, 16, 22, 10), len(event)), -1)
        )
        columns["page"].append(np.where(event == GUIDE, guide, np.where(has_page, category, -1)))
        columns["topic"].append(np.where(event == GLITCH, part.topic[session], 0))
        columns["order"].append(np.where(event == PAID, ordered, -1))
        offset += count
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    in_order = np.lexsort((joined["event"], joined["session"], joined["second"]))
    return Events(**{name: values[in_order] for name, values in joined.items()})
