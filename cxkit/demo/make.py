"""The whole company in one pass: people, lives, orders, visits, desk, surveys, then the files."""

from pathlib import Path

import numpy as np

from cxkit.demo.company import DAY, DAYS, NULL, PLANTED, PROFILES
from cxkit.demo.desk import make_tickets
from cxkit.demo.draws import Draws, Floats, Ints
from cxkit.demo.exports import (
    Clerk,
    Dirt,
    write_answers,
    write_calls,
    write_contacts,
    write_events,
    write_glitches,
    write_messages,
    write_orders,
    write_reviews,
    write_tickets,
)
from cxkit.demo.lives import DRIFT_DAY, Lives, active_in_both, make_lives
from cxkit.demo.messages import make_messages
from cxkit.demo.orders import Orders, make_orders, make_visits, spent_by
from cxkit.demo.people import drift, make_buyers, make_contacts
from cxkit.demo.surveys import make_answers
from cxkit.demo.truth import write_truth
from cxkit.demo.visits import make_events
from cxkit.errors import BadQuestion, listed


def make(
    folder: str | Path, *, seed: int = 2026, profile: str = "full", null: bool = False
) -> Path:
    """Write the company's exports into `folder`/exports and `folder`/truth.json; return `folder`.

    folder: made if it is not there; files of the same names are replaced.
    seed: another seed gives another company with the same effects.
    profile: "full" (6,000 known people, 104 weeks) or "small" (a tenth of it).
    null: the same shape with no effect planted: no detector should find anything.

    The same arguments give the same content on every platform and Python, and the same bytes
    wherever zlib packs alike. Raises BadQuestion where the profile is not known.
    """
    if profile not in PROFILES:
        raise BadQuestion(
            f"There is no profile {profile!r} of the demo company; known are {listed(PROFILES)}."
        )
    size, effects = PROFILES[profile], NULL if null else PLANTED
    folder = Path(folder)
    exports = folder / "exports"
    exports.mkdir(parents=True, exist_ok=True)

    buyers = make_buyers(size, effects, Draws(seed, "people"))
    prospect_day = Draws(seed, "prospects").uniform(size.prospects, low=-300, high=DAYS - 8)
    lives = make_lives(size, effects, buyers.persona, prospect_day, seed)
    stayed = active_in_both(lives)
    late, moved = drift(buyers, stayed, effects, Draws(seed, "drift"))
    visits = make_visits(size, effects, Draws(seed, "web"))
    late_manner = buyers.features.copy()
    late_manner[moved] = late.features[moved]
    orders = make_orders(
        lives, buyers.features, late_manner, DRIFT_DAY, visits, size, effects, seed
    )
    created = _known_since(lives, orders, prospect_day, Draws(seed, "known since"))
    contacts = make_contacts(created, size.buyers, effects, Draws(seed, "contacts"))
    created = contacts.created[: contacts.people]
    evening = buyers.features[:, 3]
    events = make_events(visits, orders, lives, evening, created, effects, seed)
    tickets = make_tickets(orders, lives, created, size, effects, seed)
    answers = make_answers(orders, lives, tickets, created, size, effects, seed)
    messages = make_messages(orders, contacts.channel, created, size, effects, seed)

    dirt = Dirt()
    clerk = Clerk(exports, contacts, effects, dirt, seed)
    has_latest = np.zeros(len(contacts.email), dtype=bool)
    has_latest[np.unique(orders.buyer[orders.day >= DRIFT_DAY])] = True
    write_contacts(clerk, buyers.features, late.features, has_latest)
    write_orders(clerk, orders)
    write_tickets(clerk, tickets)
    write_glitches(clerk)
    write_answers(clerk, answers, orders)
    write_events(clerk, events, orders)
    write_messages(clerk, messages)
    write_calls(clerk, lives.trial, lives, spent_by(orders, size.buyers))
    write_reviews(clerk)
    write_truth(
        folder,
        seed=seed,
        profile=profile,
        null=null,
        effects=effects,
        buyers=buyers,
        late=late,
        moved=moved,
        contacts=contacts,
        lives=lives,
        visits=visits,
        orders=orders,
        tickets=tickets,
        messages=messages,
        answers=answers,
        dirt=dirt,
    )
    return folder


def _known_since(lives: Lives, orders: Orders, prospect_day: Floats, draws: Draws) -> Ints:
    """When each person became known, in local seconds; whole minutes, in waking hours.

    Opening customers are known before the data begins (T08); newcomers some weeks before their
    first purchase, at the earliest on day 0.
    """
    buyers = len(lives.left)
    first = np.full(buyers, 10 * DAYS * DAY)
    np.minimum.at(first, orders.buyer, orders.second)
    before = -(1 + np.minimum(420 * draws.exponential(buyers), 1240))
    lag = np.where(draws.chance(0.3, buyers), 0.0, 30 * draws.exponential(buyers))
    day = np.where(lives.opening, before, np.maximum(first / DAY - lag, 0))
    day = np.floor(np.concatenate([day, prospect_day])).astype(np.int64)
    clock = draws.integers(8 * 60, 21 * 60, len(day)) * 60
    created: Ints = day * DAY + clock
    limit = np.concatenate([first - 1800, np.full(len(prospect_day), (DAYS - 1) * DAY)])
    late = (created > limit) & (day >= 0)
    created[late] = limit[late] // 60 * 60
    return created
