"""What they ask the help desk, and how it goes (T05, T07, T09, T10, T14, T21, T23)."""

from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, DAYS, END, Effects, Profile, first_day_of, settle, week_of
from cxkit.demo.draws import Bools, Draws, Floats, Ints
from cxkit.demo.lives import NOT_EXPOSED, UNRESOLVED, Lives
from cxkit.demo.orders import Orders


@dataclass(frozen=True)
class Topic:
    """A subject of tickets; the ones with a stage stand in the glitch log."""

    name: str
    group: str
    weight: float  # among ordinary tickets
    policy: str
    stage: str = ""


TOPICS = (
    Topic("double charge", "Billing", 0.0, "payment check", "payment"),
    Topic("coupon rejected", "Billing", 0.0, "goodwill voucher", "checkout"),
    Topic("login loop", "Digital", 0.0, "account check", "account"),
    Topic("damaged on arrival", "Returns", 0.0, "delivery claim", "delivery"),
    Topic("late delivery", "Delivery", 11.0, "delivery claim", "delivery"),
    Topic("missing item", "Delivery", 6.0, "delivery claim", "delivery"),
    Topic("wrong item", "Delivery", 4.0, "delivery claim", "delivery"),
    Topic("app crash", "Digital", 4.0, "account check", "browsing"),
    Topic("checkout error", "Digital", 4.0, "payment check", "checkout"),
    Topic("slow pages", "Digital", 2.5, "none", "browsing"),
    Topic("address not saved", "Digital", 2.5, "account check", "checkout"),
    Topic("stock shown wrong", "Product", 3.5, "goodwill voucher", "browsing"),
    Topic("invoice missing", "Billing", 3.0, "none", "payment"),
    Topic("newsletter not stopped", "Product", 2.0, "account check", "relationship"),
    Topic("refund request", "Billing", 17.0, "refund", ""),
    Topic("return", "Returns", 14.0, "return within 30 days", ""),
    Topic("order status", "Delivery", 14.0, "none", ""),
    Topic("product question", "Product", 9.0, "none", ""),
    Topic("account question", "Digital", 4.5, "account check", ""),
)
TOPIC_OF = {topic.name: position for position, topic in enumerate(TOPICS)}
DOUBLE, COUPON, LOOP, DAMAGED = range(4)
REFUND = TOPIC_OF["refund request"]
GROUPS = ("Billing", "Delivery", "Digital", "Product", "Returns")
AGENTS = (
    "Abigail Moss,Bram Oster,Cora Lind,Dario Fenn,Edie Vale,Farid Holm,Gesa Brook,Hugo Stern,"
    "Imke Rowan,Jaro Pike,Kim Alder,Lou Sorrel,Mina Thorne,Ned Hazel,Olga Briar,Piet Reed,"
    "Quinn Ferris,Rika Sedge,Sami Birch,Tove Larch"
).split(",")  # four to a group
CHAT, BY_PHONE, WEB_FORM = range(3)
TICKET_CHANNELS = ("Chat", "Phone", "Web form")


@dataclass
class Tickets:
    """One entry per ticket, sorted by time."""

    person: Ints
    opened: Ints  # local seconds
    topic: Ints
    channel: Ints
    agent: Ints
    escalated: Bools
    reason: list[str]
    policy: list[str]
    refund_eur: Floats  # 0 where no refund is at stake
    resolution: list[str]
    replied: Ints  # -1 where nobody has yet
    resolved: Ints  # -1 while open
    escalated_at: Ints  # -1
    reopens: Ints
    transfers: Ints
    recognised: Bools
    asked_again: Ints
    category: Ints
    good_recovery: Bools  # T23


def make_tickets(
    orders: Orders,
    lives: Lives,
    created: Ints,
    profile: Profile,
    effects: Effects,
    seed: int,
) -> Tickets:
    """Collect the glitch tickets, fill up with ordinary ones, then let the desk handle them."""
    draws = Draws(seed, "tickets")
    parts = [
        _about_exposures(lives, draws),
        _about_the_loop(orders, lives, profile, effects, draws),
        _about_damage(orders, lives, profile, draws),
    ]
    planted = sum(len(part[0]) for part in parts)
    parts.append(
        _ordinary(orders, lives, created, max(profile.size(9000) - planted, 100), effects, draws)
    )
    person, opened, topic = (np.concatenate(column) for column in zip(*parts, strict=True))
    in_order = np.lexsort((topic, person, opened))
    return _handle(person[in_order], opened[in_order], topic[in_order], lives, effects, draws)


def _soon_after(start: Ints, until: Ints, draws: Draws) -> Ints:
    """A waking hour within a day after `start`, at the latest `until`."""
    later = start + draws.integers(1200, 14 * 3600, len(start))
    hour = later % DAY
    later = np.where(hour < 7 * 3600, later - hour + 7 * 3600 + hour % 7000, later)
    soon: Ints = np.minimum(np.minimum(later, np.maximum(until, start + 600)), END - 60)
    return soon


def _about_exposures(lives: Lives, draws: Draws) -> tuple[Ints, Ints, Ints]:
    """T05, T06, T07: the voiced exposures."""
    says = np.flatnonzero(lives.exposure_voiced)
    person = lives.exposure_buyer[says]
    start = lives.exposure_day[says] * DAY + draws.integers(8 * 3600, 20 * 3600, len(says))
    until = np.floor(lives.left[person] * DAY).astype(np.int64)
    topic = np.where(lives.exposure_is_coupon[says], COUPON, DOUBLE)
    return person, _soon_after(start, until, draws), topic


def _about_the_loop(
    orders: Orders, lives: Lives, profile: Profile, effects: Effects, draws: Draws
) -> tuple[Ints, Ints, Ints]:
    """T21: "login loop" appears in week 70; the null company has a few all the time."""
    weekly = np.zeros(105)
    if effects.loop_tickets:
        last = effects.loop_week + len(effects.loop_tickets)
        weekly[effects.loop_week : last] = effects.loop_tickets
    else:
        weekly[1:] = 1.3
    counts = np.round(np.cumsum(weekly * profile.scale)).astype(np.int64)
    week = np.repeat(np.arange(1, 105), np.diff(counts))
    low, high = (np.searchsorted(orders.day, 7 * (week + shift)) for shift in (-1, 0))
    someone = low + np.floor(draws.uniform(len(week)) * (high - low)).astype(np.int64)
    start = orders.second[someone]  # a customer of that week
    person = orders.buyer[someone]
    until = np.floor(lives.left[person] * DAY).astype(np.int64)
    opened = np.minimum(_soon_after(start, until, draws), 7 * week * DAY - 600)
    return person, opened, np.full(len(week), LOOP)


def _about_damage(
    orders: Orders, lives: Lives, profile: Profile, draws: Draws
) -> tuple[Ints, Ints, Ints]:
    """T23: one damaged parcel each, all put right at the first contact."""
    shuffled = draws.sample(np.arange(len(orders.day)), len(orders.day))
    buyer = orders.buyer[shuffled]
    open_to_it = (
        (lives.voice[buyer] == NOT_EXPOSED)
        & (lives.coupon_on[buyer] > DAYS)
        & (lives.left[buyer] > orders.day[shuffled] + 6)
        & (orders.day[shuffled] < DAYS - 7)
    )
    _, first = np.unique(buyer[open_to_it], return_index=True)
    chosen = np.sort(draws.sample(shuffled[open_to_it][first], profile.size(420)))
    start = orders.second[chosen] + draws.integers(2 * DAY, 5 * DAY, len(chosen))
    until = np.floor(lives.left[orders.buyer[chosen]] * DAY).astype(np.int64)
    return orders.buyer[chosen], _soon_after(start, until, draws), np.full(len(chosen), DAMAGED)


def _ordinary(
    orders: Orders, lives: Lives, created: Ints, count: int, effects: Effects, draws: Draws
) -> tuple[Ints, Ints, Ints]:
    """Everyday questions: mostly within two weeks of a purchase, a few by prospects."""
    buyers, people = len(lives.left), len(created)
    topic = draws.pick([t.weight for t in TOPICS], count)
    order = draws.integers(0, len(orders.day), count)
    person = orders.buyer[order]
    start = orders.second[order] + np.floor(
        np.minimum(5 * draws.exponential(count), 14) * DAY
    ).astype(np.int64)
    until = np.floor(lives.left[person] * DAY).astype(np.int64)
    # T12: who sleeps does not write either
    until = np.where(lives.sleeper[person], orders.second[order] + 2 * DAY, until)
    opened = _soon_after(np.minimum(start, np.maximum(until, orders.second[order])), until, draws)
    asks = draws.chance(0.04, count) & (people > buyers)
    prospect = buyers + draws.integers(0, max(people - buyers, 1), count)
    since = np.maximum(created[np.minimum(prospect, people - 1)], 0)
    spread = np.floor(draws.uniform(count) * (END - DAY - since)).astype(np.int64)
    person = np.where(asks, np.minimum(prospect, people - 1), person)
    waking = (since + spread) // DAY * DAY + draws.integers(8 * 3600, 21 * 3600, count)
    opened = np.where(asks, np.maximum(waking, since + 600), opened)
    topic = np.where(asks, TOPIC_OF["product question"], topic)
    return person, np.minimum(opened, END - 60), topic


def _handle(
    person: Ints, opened: Ints, topic: Ints, lives: Lives, effects: Effects, draws: Draws
) -> Tickets:
    count, buyers = len(person), len(lives.left)
    opened = settle(opened)
    channel = draws.pick((20, 40, 40), count)
    group = np.array([GROUPS.index(t.group) for t in TOPICS])[topic]
    agent = 4 * group + draws.integers(0, 4, count)  # T10: any agent of the group

    # T09: refunds over 20 EUR are a tenth of all tickets; only they need a higher level so often
    refund = topic == REFUND
    big = draws.chance(0.1 / max(float(refund.mean()), 0.1), count)
    euros = np.where(big, 21 + 60 * draws.uniform(count), 4 + 16 * draws.uniform(count))
    refund_eur = np.where(refund, np.round(euros, 2), 0.0)
    over_20 = refund_eur > 20
    who = np.minimum(person, buyers - 1)
    unresolved = (topic == DOUBLE) & (lives.voice[who] == UNRESOLVED) & (person < buyers)
    damaged = topic == DAMAGED
    can_rise = ~damaged & ~unresolved
    elsewhere = effects.other_escalated * (~over_20).sum() / (~over_20 & can_rise).sum()
    rises = np.where(over_20, effects.refund_over_20_escalated, elsewhere)
    luck = np.ones(count)
    for case in range(2 * len(AGENTS)):  # T10: no agent is luckier than the others
        here = np.flatnonzero(can_rise & (2 * agent + over_20 == case))
        luck[here] = draws.even(len(here))
    escalated = can_rise & (luck < rises)
    reasons = ("no permission", "no skill", "customer asked for it")
    because = np.where(over_20, draws.pick((85, 5, 10), count), draws.pick((22, 50, 28), count))
    granted = draws.chance(effects.granted_after_escalation, count)
    ordinary = draws.pick((58, 22, 20), count)
    resolution, policy = [], []
    for i, t in enumerate(topic.tolist()):
        named = TOPICS[t].policy
        if named == "refund":
            named = "refund over 20" if over_20[i] else "refund up to 20"
        policy.append(named)
        if unresolved[i]:
            resolution.append("no solution")
        elif damaged[i]:
            resolution.append("replaced")
        elif t == REFUND:
            refused = escalated[i] and over_20[i] and not granted[i]
            resolution.append("declined" if refused else "refunded")
        elif t == DOUBLE:
            resolution.append("refunded")
        elif t == COUPON:
            resolution.append("voucher given")
        else:
            resolution.append(("explained", "corrected", "voucher given")[ordinary[i]])

    reply_after = draws.lognormal(count, median=4.0, sigma=1.1)
    reply_after = np.where(channel == WEB_FORM, reply_after, reply_after / 24)
    replied = settle(opened + np.floor(60 + 3600 * reply_after).astype(np.int64))
    work = draws.lognormal(count, median=14.0, sigma=1.2) * np.where(escalated, 2.2, 1.0)
    work = np.where(damaged, np.minimum(work, 20.0), work)
    transfers = np.where(damaged, 0, draws.pick((70, 21, 9), count))
    work = work * effects.handoff_slows**transfers  # T24
    resolved = settle(replied + np.floor(600 + 3600 * work).astype(np.int64))
    passed_on = settle(replied + np.floor((resolved - replied) * 0.3).astype(np.int64))
    open_still = (resolved > END) | (~damaged & draws.chance(0.012, count))
    reopens = np.where(damaged, 0, draws.pick((92, 6, 2), count))

    stranger = np.array([effects.stranger_chat, effects.stranger_phone, effects.stranger_web])
    recognised = ~draws.chance(stranger[channel], count)  # T14
    asked_again = np.where(recognised, 0, 1 + draws.pick((70, 22, 8), count))
    asked_again = asked_again + transfers * draws.chance(0.4, count)
    return Tickets(
        person,
        opened,
        topic,
        channel,
        agent,
        escalated,
        [reasons[b] if e else "" for b, e in zip(because, escalated, strict=True)],
        policy,
        refund_eur,
        [r if not o else "" for r, o in zip(resolution, open_still, strict=True)],
        np.where(replied > END, -1, replied),
        np.where(open_still, -1, resolved),
        np.where(escalated & (passed_on <= END), passed_on, -1),
        np.where(open_still, 0, reopens),
        transfers,
        recognised,
        asked_again,
        draws.integers(0, 8, count),
        damaged,
    )


# --- the glitch log ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Glitch:
    """One line of the register that the company keeps."""

    topic: str
    stage: str
    owner: str
    first_seen: int  # day
    logged: int
    fixed: int  # day; -1 where the log claims no fix
    note: str


_DATES = {  # topic: first seen, days until it was logged, fixed on (-1: not yet)
    "double charge": (first_day_of(40) + 1, 9, first_day_of(53)),  # T05: not fixed in truth
    "coupon rejected": (first_day_of(44) + 2, 4, first_day_of(60)),  # T07: fixed in truth
    "login loop": (first_day_of(70) + 1, 12, first_day_of(81) + 2),
    "damaged on arrival": (3, 20, -1),
    "late delivery": (2, 31, -1),
    "missing item": (5, 44, -1),
    "wrong item": (9, 40, -1),
    "app crash": (30, 14, 400),
    "checkout error": (first_day_of(30), 16, first_day_of(37)),  # T03
    "slow pages": (60, 33, 290),
    "address not saved": (95, 50, -1),
    "stock shown wrong": (14, 70, -1),
    "invoice missing": (120, 8, 180),
    "newsletter not stopped": (150, 5, 260),
}
_NOTES = {
    "double charge": "Payment partner says the fix is live.",
    "coupon rejected": "Rule for stacked codes rewritten.",
    "checkout error": "Mobile form rolled back.",
    "login loop": "Session cookie renewed twice.",
}
_OWNER_OF = {
    "Billing": "Payments",
    "Delivery": "Logistics",
    "Digital": "Web team",
    "Product": "Merchandise",
    "Returns": "Logistics",
}


def glitch_log() -> list[Glitch]:
    """The 14 known glitches, in the order in which they were logged."""
    glitches = []
    for topic in TOPICS:
        if topic.stage:
            seen, wait, fixed = _DATES[topic.name]
            glitches.append(
                Glitch(
                    topic.name,
                    topic.stage,
                    _OWNER_OF[topic.group],
                    seen,
                    seen + wait,
                    fixed,
                    _NOTES.get(topic.name, ""),
                )
            )
    return sorted(glitches, key=lambda glitch: (glitch.logged, glitch.topic))


def loop_weeks(tickets: Tickets) -> Ints:
    """Tickets about the login loop, week by week (T21); entry 0 is week 1."""
    weeks = week_of(tickets.opened[tickets.topic == LOOP] // DAY)
    return np.bincount(weeks, minlength=105)[1:105]
