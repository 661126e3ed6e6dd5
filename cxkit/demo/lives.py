"""How they live as customers: when they buy, when they leave, and what they meet on the way."""

from dataclasses import dataclass
from math import exp, factorial

import numpy as np

from cxkit.demo.company import (
    DAYS,
    MONTH_EDGES,
    Effects,
    Profile,
    first_day_of,
    index_of_month,
)
from cxkit.demo.draws import Bools, Draws, Floats, Ints

NOT_EXPOSED, SILENT, UNRESOLVED, RESOLVED = range(4)
VOICES = ("not exposed", "silent", "voiced, unresolved", "voiced, resolved")
_REGULARITY = 4  # gaps are Erlang with this shape: a cadence, not pure chance
_LONGEST = 1.95  # gaps are cut at this many mean gaps, so that no natural gap exceeds 180 days
TRIAL_DAY = 540  # T18: the day the outreach list is made
TRIAL_WITHIN = 14  # days in which a purchase counts
DRIFT_DAY = first_day_of(79)  # T22: the last half-year begins


@dataclass
class Lives:
    """One entry per buyer, and one per purchase."""

    opening: Bools  # customers before the data begins (T08)
    joined: Floats  # day of the first purchase, or 0 for opening customers
    left: Floats  # the day they left for good, beyond DAYS where they have not (T06, T11)
    sleeper: Bools  # T12: away for longer than the lapse limit, then back
    voice: Ints  # T06: one of VOICES
    exposed_on: Floats  # T05: day of the first "double charge", beyond DAYS where never
    coupon_on: Floats  # T07: day from which "coupon rejected" can hit them
    buyer: Ints  # per purchase
    day: Ints  # per purchase, sorted by day
    exposure_buyer: Ints  # per glitch exposure
    exposure_day: Ints
    exposure_is_coupon: Bools
    exposure_voiced: Bools
    trial: "Trial"


@dataclass(frozen=True)
class Trial:
    """T18: the random outreach list; people are buyers first, then prospects."""

    person: Ints
    called: Bools
    would_buy: Bools
    bought_more: Ints  # the buyers whom the call moved


def make_lives(
    profile: Profile, effects: Effects, persona: Ints, prospect_day: Floats, seed: int
) -> Lives:
    """Draw every buyer's life; `prospect_day` says when each prospect became known."""
    draws = Draws(seed, "lives")
    count = profile.buyers
    opening, joined = _arrivals(profile, effects, persona, draws)
    left = joined + 7.0 * draws.exponential(count) / effects.base_hazard
    sleeper = np.zeros(count, dtype=bool)
    returned = round(effects.returned_share * count)
    sleeper[draws.sample(np.flatnonzero(opening), returned)] = True
    left[sleeper] = 10.0 * DAYS  # they only sleep

    voice, exposed_on = _double_charge(profile, effects, opening & ~sleeper, left, draws)
    coupon_on = _coupon(profile, effects, (voice == NOT_EXPOSED) & ~sleeper, joined, left, draws)
    buyer, day = _purchases(effects, persona, opening, joined, left, draws)
    buyer, day = _sleep(buyer, day, sleeper, effects, draws)
    trial = _trial(profile, effects, buyer, day, joined, left, voice, sleeper, prospect_day, seed)
    extra_day = (
        TRIAL_DAY + 1 + Draws(seed, "trial days").integers(0, TRIAL_WITHIN, len(trial.bought_more))
    )
    buyer, day = np.concatenate([buyer, trial.bought_more]), np.concatenate([day, extra_day])
    in_order = np.lexsort((buyer, day))
    exposures = _exposures(effects, voice, exposed_on, coupon_on, left, Draws(seed, "exposures"))
    return Lives(
        opening,
        joined,
        left,
        sleeper,
        voice,
        exposed_on,
        coupon_on,
        buyer[in_order],
        day[in_order],
        *exposures,
        trial,
    )


def _mean_of_cut_gap() -> float:
    """The mean of min(X, cut) for X Erlang with mean 1, by which the cut gaps are divided."""

    def below(shape: int, x: float) -> float:
        return 1.0 - sum(exp(-x) * x**k / factorial(k) for k in range(shape))

    x = _REGULARITY * _LONGEST
    return below(_REGULARITY + 1, x) + _LONGEST * (1.0 - below(_REGULARITY, x))


def _gaps(mean: Floats, columns: int, draws: Draws) -> Floats:
    """T11: days between purchases, one row per buyer."""
    gaps = np.zeros((len(mean), columns))
    for _ in range(_REGULARITY):
        gaps += draws.exponential(len(mean), columns) / _REGULARITY
    return np.maximum(mean[:, None] * np.minimum(gaps, _LONGEST) / _mean_of_cut_gap(), 1.0)


def _first_waits(mean: Floats, draws: Draws) -> Floats:
    """Days until the first purchase of those who have long been buying when the data begin.

    A long gap is more likely to be met than a short one, so this is no share of a common gap: the
    rest of a gap that is Erlang with shape k is Erlang with shape 1 to k, each as likely.
    """
    waits = np.full(len(mean), np.inf)
    while (beyond := np.flatnonzero(waits > _LONGEST)).size:
        parts = draws.exponential(len(beyond), _REGULARITY) / _REGULARITY
        many = draws.integers(1, _REGULARITY + 1, len(beyond))
        waits[beyond] = np.where(np.arange(_REGULARITY) < many[:, None], parts, 0.0).sum(axis=1)
    days: Floats = mean * waits / _mean_of_cut_gap()
    return days


def _arrivals(
    profile: Profile, effects: Effects, persona: Ints, draws: Draws
) -> tuple[Bools, Floats]:
    """T08: choose how many were customers before, and how many join in each month.

    Joiners are counted so that their expected revenue follows the planted index; `money` makes
    it exact. A joiner brings one purchase at once and half a month of further ones.
    """
    shares = np.asarray(effects.persona_shares)
    a_month = float(shares @ (30.4 / np.asarray(effects.gaps)))  # purchases of one customer
    stays = exp(-effects.base_hazard * 30.4 / 7)
    joining: list[float] = []
    for month in range(1, 25):
        wanted = index_of_month(effects, month)[1] / 100
        earlier = sum(n * stays ** (month - 1 - m) for m, n in enumerate(joining)) * a_month
        joining.append(max(0.0, (wanted * a_month - earlier) / (1 + a_month / 2)))
    opening_count = round(profile.buyers / (1 + sum(joining)))
    month_of_joiner = np.sort(draws.shares(joining, profile.buyers - opening_count))
    low, high = MONTH_EDGES[month_of_joiner], MONTH_EDGES[month_of_joiner + 1]
    day = low + draws.uniform(len(low)) * (high - low)

    # spread both kinds over all buyers, so that neither goes with a persona
    place = np.argsort(draws.uniform(profile.buyers), kind="stable")
    opening = np.zeros(profile.buyers, dtype=bool)
    opening[place[:opening_count]] = True
    joined = np.zeros(profile.buyers)
    joined[place[opening_count:]] = day
    return opening, joined


def _double_charge(
    profile: Profile, effects: Effects, candidates: Bools, left: Floats, draws: Draws
) -> tuple[Ints, Floats]:
    """T05, T06: who meets "double charge", who says so, and when they leave because of it."""
    count = len(left)
    start, end = first_day_of(40), first_day_of(53)
    # the first exposure comes at the planted rate, and inside weeks 40-52 for sure
    rate = effects.double_charge_rate / 7
    within = 1.0 - np.exp(-rate * (end - start))
    first = start - np.log1p(-draws.uniform(count) * within) / rate
    pool = np.flatnonzero(candidates & (left > first) & (first < end))
    exposed = draws.sample(pool, profile.size(420))
    voice = np.zeros(count, dtype=np.int64)
    voiced = effects.voice_share
    parts = (1 - voiced, voiced * (1 - effects.resolved_share), voiced * effects.resolved_share)
    voice[exposed] = 1 + draws.shares(parts, len(exposed))
    hazard = np.array(
        [
            effects.base_hazard,
            effects.silent_hazard,
            effects.unresolved_hazard,
            effects.resolved_hazard,
        ]
    )
    exposed_on = np.full(count, 10.0 * DAYS)
    exposed_on[exposed] = first[exposed]
    left[exposed] = first[exposed] + 7.0 * draws.exponential(len(exposed)) / hazard[voice[exposed]]
    return voice, exposed_on


def _coupon(
    profile: Profile,
    effects: Effects,
    candidates: Bools,
    joined: Floats,
    left: Floats,
    draws: Draws,
) -> Floats:
    """T07: who meets "coupon rejected"; it changes nothing in when they leave."""
    start = float(first_day_of(effects.coupon_weeks[0]))
    pool = np.flatnonzero(candidates & (joined < start) & (left > start))
    hit = np.full(len(left), 10.0 * DAYS)
    hit[draws.sample(pool, profile.size(300))] = start
    return hit


def _purchases(
    effects: Effects,
    persona: Ints,
    opening: Bools,
    joined: Floats,
    left: Floats,
    draws: Draws,
) -> tuple[Ints, Ints]:
    mean = np.asarray(effects.gaps)[persona]
    columns = int(DAYS / (0.7 * mean.min()))
    gaps = _gaps(mean, columns, draws)
    first = np.where(opening, _first_waits(mean, draws), joined)
    late = np.flatnonzero(opening & (first >= left))  # whoever leaves at once still bought once
    first[late] = left[late] * draws.uniform(len(late))
    when = np.concatenate([first[:, None], first[:, None] + np.cumsum(gaps[:, 1:], axis=1)], axis=1)
    happens = when < np.minimum(left, DAYS)[:, None]
    happens[:, 0] = True
    buyer, step = np.nonzero(happens)
    return buyer, np.floor(when[buyer, step]).astype(np.int64)


def _sleep(
    buyer: Ints, day: Ints, sleeper: Bools, effects: Effects, draws: Draws
) -> tuple[Ints, Ints]:
    """T12: cut a long silence into some lives; one purchase after it is their latest."""
    asleep = np.flatnonzero(sleeper)
    back_on = np.full(len(sleeper), 10 * DAYS)
    away = np.zeros(len(sleeper), dtype=np.int64)
    back_on[asleep] = draws.integers(DAYS - 138, DAYS - 3, len(asleep))
    away[asleep] = draws.integers(effects.lapse_days + 10, effects.lapse_days + 120, len(asleep))
    stays = ~sleeper[buyer] | (day <= back_on[buyer] - away[buyer])
    return (
        np.concatenate([buyer[stays], asleep]),
        np.concatenate([day[stays], back_on[asleep]]),
    )


def _exposures(
    effects: Effects,
    voice: Ints,
    exposed_on: Floats,
    coupon_on: Floats,
    left: Floats,
    draws: Draws,
) -> tuple[Ints, Ints, Bools, Bools]:
    """T05, T07: each time an active, exposed customer meets the glitch, and whether they say so."""
    fixes = (first_day_of(53), first_day_of(60))
    rates = (effects.double_charge_rate, effects.coupon_rate)
    continues = (effects.double_charge_continues, effects.coupon_continues)
    buyers, days, coupons, voiced = [], [], [], []
    for coupon, start_on in enumerate((exposed_on, coupon_on)):
        start = np.repeat(np.flatnonzero(start_on < DAYS), DAYS // 7)
        week = np.tile(np.arange(DAYS // 7), len(start) // (DAYS // 7))
        rate = np.where(7 * week < fixes[coupon], rates[coupon], rates[coupon] * continues[coupon])
        repeats = draws.poisson(rate)
        who, in_week = np.repeat(start, repeats), np.repeat(week, repeats)
        when = 7 * in_week + 7 * draws.uniform(len(who))
        meets = (when > start_on[who]) & (when < left[who])
        who, when = who[meets], when[meets]
        if coupon:
            says = draws.chance(effects.voice_share, len(who))
        else:  # the silent never say it; the others tire of saying it again
            keen = np.where(when < fixes[0], 1.0, effects.voice_tires)
            says = (voice[who] > SILENT) & draws.chance(keen, len(who))
            first = np.flatnonzero(start_on < DAYS)
            who, when = np.concatenate([first, who]), np.concatenate([start_on[first], when])
            says = np.concatenate([voice[first] > SILENT, says])
        buyers.append(who)
        days.append(np.floor(when).astype(np.int64))
        coupons.append(np.full(len(who), bool(coupon)))
        voiced.append(says)
    buyer, day = np.concatenate(buyers), np.concatenate(days)
    in_order = np.lexsort((buyer, day))
    return (
        buyer[in_order],
        day[in_order],
        np.concatenate(coupons)[in_order],
        np.concatenate(voiced)[in_order],
    )


def _trial(
    profile: Profile,
    effects: Effects,
    buyer: Ints,
    day: Ints,
    joined: Floats,
    left: Floats,
    voice: Ints,
    sleeper: Bools,
    prospect_day: Floats,
    seed: int,
) -> Trial:
    """T18: draw the list so that the planted share buys anyway, and choose whom the call moves."""
    draws = Draws(seed, "trial")
    count = len(joined)
    known = np.concatenate([joined < TRIAL_DAY - 30, prospect_day < TRIAL_DAY - 30])
    buys = np.zeros(len(known), dtype=bool)
    buys[buyer[(day > TRIAL_DAY) & (day <= TRIAL_DAY + TRIAL_WITHIN)]] = True
    arm = profile.size(2000)
    anyway = round(effects.outreach_base * arm)
    moved = round(effects.outreach_uplift * arm)
    yes = draws.sample(np.flatnonzero(known & buys), 2 * anyway)
    no = draws.sample(np.flatnonzero(known & ~buys), 2 * (arm - anyway))
    person = np.concatenate([yes, no])
    called = np.zeros(len(person), dtype=bool)
    called[:anyway] = True
    called[2 * anyway : 2 * anyway + arm - anyway] = True
    # only customers who are there and not part of another planted group can be moved
    movable = no[: arm - anyway]
    movable = movable[movable < count]
    free = (
        (left[movable] > TRIAL_DAY + TRIAL_WITHIN + 1)
        & (voice[movable] == NOT_EXPOSED)
        & ~sleeper[movable]
    )
    return Trial(
        person,
        called,
        np.isin(np.arange(len(person)), np.arange(2 * anyway)),
        draws.sample(movable[free], moved),
    )


def active_in_both(lives: Lives) -> Ints:
    """T22: the buyers who bought both before the last half-year and in it."""
    early = np.isin(np.arange(len(lives.left)), lives.buyer[lives.day < DRIFT_DAY])
    recent = np.isin(np.arange(len(lives.left)), lives.buyer[lives.day >= DRIFT_DAY])
    return np.flatnonzero(early & recent)
