"""truth.json: what was planted and what came of it. For tests only; no analysis reads it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cxkit.demo.company import (
    DAYS,
    FIRST_DAY,
    NAME,
    PERSONAS,
    WEEKS,
    ZONE,
    Effects,
    index_of_month,
    month_of,
    week_of,
)
from cxkit.demo.desk import TICKET_CHANNELS, Tickets, loop_weeks
from cxkit.demo.draws import Bools, Ints
from cxkit.demo.exports import Dirt
from cxkit.demo.lives import (
    NOT_EXPOSED,
    TRIAL_DAY,
    TRIAL_WITHIN,
    VOICES,
    Lives,
    active_in_both,
)
from cxkit.demo.messages import Messages
from cxkit.demo.orders import DESKTOP, MOBILE, Orders, Visits
from cxkit.demo.people import BARGAIN_HUNTER, Buyers, Contacts
from cxkit.demo.surveys import RELATIONSHIP, Answers
from cxkit.demo.texts import INTENTS, THEMES

Told = dict[str, Any]


def lifecycle_states(
    order_days: list[list[int]], *, as_of: int, lapse_days: int, new_days: int, loyal_orders: int
) -> dict[str, int]:
    """Count the states by brute force: prospect, lapsed, new, returned, loyal, active (T12).

    >>> lifecycle_states([[], [1], [90], [5, 95]], as_of=100, lapse_days=60, new_days=20,
    ...     loyal_orders=2)
    {'prospect': 1, 'lapsed': 1, 'new': 1, 'returned': 1, 'loyal': 0, 'active': 0}
    """
    states = dict.fromkeys(("prospect", "lapsed", "new", "returned", "loyal", "active"), 0)
    for days in order_days:
        if not days:
            state = "prospect"
        elif as_of - days[-1] > lapse_days:
            state = "lapsed"
        elif as_of - days[0] <= new_days:
            state = "new"
        elif len(days) > 1 and days[-1] - days[-2] > lapse_days:
            state = "returned"
        else:
            state = "loyal" if len(days) >= loyal_orders else "active"
        states[state] += 1
    return states


def write_truth(
    folder: Path,
    *,
    seed: int,
    profile: str,
    null: bool,
    effects: Effects,
    buyers: Buyers,
    late: Buyers,
    moved: Ints,
    contacts: Contacts,
    lives: Lives,
    visits: Visits,
    orders: Orders,
    tickets: Tickets,
    messages: Messages,
    answers: Answers,
    dirt: Dirt,
) -> None:
    """Write the planted parameters and the realised values, one entry per truth."""
    count = len(lives.left)
    ids = np.array(contacts.record_id)
    stayed = active_in_both(lives)
    days: list[list[int]] = [[] for _ in range(count)]
    for buyer, day in zip(orders.buyer.tolist(), orders.day.tolist(), strict=True):
        if not days[buyer] or days[buyer][-1] != day:
            days[buyer].append(day)
    rules = {"lapse_days": effects.lapse_days, "new_days": 30, "loyal_orders": 12}
    states = lifecycle_states(days + [[] for _ in range(len(ids) - count)], as_of=DAYS - 1, **rules)
    truth: Told = {
        "company": NAME,
        "seed": seed,
        "profile": profile,
        "null": null,
        "first_day": str(FIRST_DAY),
        "weeks": WEEKS,
        "zone": ZONE,
        "note": "Days are counted from 0 = first_day, weeks and months from 1, local time.",
        "planted": {name: _plain(value) for name, value in asdict(effects).items()},
        "sizes": {
            "people": contacts.people,
            "buyers": count,
            "crm_records": len(ids),
            "orders": len(orders.day),
            "tickets": len(tickets.person),
            "messages": len(messages.person),
            "invitations": len(answers.person),
            "answers": int((answers.answered >= 0).sum()),
        },
        "T01": {
            "personas": PERSONAS,
            "persona": dict(zip(ids[:count].tolist(), buyers.persona.tolist(), strict=True)),
        },
        "T03": _checkout(visits),
        "T04": _sessions(visits),
        "T05": _double_charge(lives, ids),
        "T06": _voices(lives, ids),
        "T07": _coupon(lives, ids),
        "T08": _revenue(orders, lives, effects),
        "T09": _escalations(tickets),
        "T11": {
            "left_day": {
                record: (round(day, 2) if day < DAYS else None)
                for record, day in zip(ids[:count].tolist(), lives.left.tolist(), strict=True)
            }
        },
        "T12": {
            "rules": rules,
            "states": states,
            "returned": sorted(ids[np.flatnonzero(lives.sleeper)].tolist()),
            "order_days": dict(zip(ids[:count].tolist(), days, strict=True)),
        },
        "T13": {
            "duplicates": [
                [record, contacts.record_id[int(person)], contacts.kind[contacts.people + n]]
                for n, (record, person) in enumerate(
                    zip(
                        ids[contacts.people :].tolist(),
                        contacts.person[contacts.people :].tolist(),
                        strict=True,
                    )
                )
            ],
            "decoys": sorted(
                [ids[a].item(), ids[b].item()] for a, b in contacts.household.items() if a < b
            ),
        },
        "T14": _strangers(tickets, count),
        "T16": _nps(answers),
        "T17": _talk(messages),
        "T18": _trial(lives, ids),
        "T19": {"weekly_hazard": effects.base_hazard, "newcomers": int((~lives.opening).sum())},
        "T20": dirt.counts,
        "T21": {
            "tickets_by_week": loop_weeks(tickets).tolist(),
            "comments_by_week": np.bincount(
                week_of(answers.answered[_tells_of(answers, "login loop")] // 86_400),
                minlength=WEEKS + 1,
            )[1:].tolist(),
        },
        "T22": {
            "moved": sorted(ids[moved].tolist()),
            "share_before": _share(buyers.persona, stayed),
            "share_after": _share(late.persona, stayed),
        },
        "T23": {
            "recovered": sorted(set(ids[tickets.person[tickets.good_recovery]].tolist())),
        },
        "T24": {"handoff_slows": effects.handoff_slows},
        "T25": _weight_of_delivery(answers, effects),
        "comments": {
            "themes": [theme.name for theme in THEMES],
            "intents": INTENTS,
            "of": {  # respondent: theme, intent, mood
                str(118_000_000_000 + 7919 * int(i)): [
                    int(answers.theme[i]),
                    int(answers.intent[i]),
                    int(answers.mood[i]),
                ]
                for i in np.flatnonzero(answers.theme >= 0)
            },
        },
    }
    text = json.dumps(truth, ensure_ascii=False, separators=(",", ":"))
    # one line per truth, so that a change can be seen where it is
    for key in truth:
        text = text.replace(f',"{key}":', f',\n"{key}":', 1)
    (folder / "truth.json").write_bytes((text + "\n").encode())


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _checkout(visits: Visits) -> Told:
    """T03: sessions that started a checkout, and those that paid, week by week."""
    told: Told = {}
    for name, device in (("mobile", MOBILE), ("desktop", DESKTOP)):
        here = visits.device == device
        for step, depth in (("checkout", 4), ("paid", 5)):
            weeks = visits.week[here & (visits.depth >= depth)]
            told[f"{name}_{step}_by_week"] = np.bincount(weeks, minlength=WEEKS + 1)[1:].tolist()
    return told


def _sessions(visits: Visits) -> Told:
    """T04: sessions and conversions by half-year and device."""
    half = (visits.week - 1) // 26
    told: Told = {}
    for name, device in (("mobile", MOBILE), ("desktop", DESKTOP)):
        here = visits.device == device
        told[f"{name}_sessions"] = np.bincount(half[here], minlength=4).tolist()
        told[f"{name}_paid"] = np.bincount(half[here & (visits.depth == 5)], minlength=4).tolist()
    return told


def _double_charge(lives: Lives, ids: Any) -> Told:
    """T05: the fall in complaints, split into customers who left and a lower rate (Kitagawa)."""
    exposed = np.flatnonzero(lives.voice > NOT_EXPOSED)
    week = week_of(lives.exposure_day)
    told: Told = {"exposed": sorted(ids[exposed].tolist())}
    active, complaints, exposures = [], [], []
    for first, last in ((40, 52), (92, 104)):
        days = np.arange(7 * (first - 1), 7 * last)
        active.append(float((lives.left[exposed][:, None] > days).sum() / len(days)))
        during = ~lives.exposure_is_coupon & (week >= first) & (week <= last)
        exposures.append(int(during.sum()) / 13)
        complaints.append(int((during & lives.exposure_voiced).sum()) / 13)
    rate = [c / max(n, 1) for c, n in zip(complaints, active, strict=True)]
    fall = complaints[1] - complaints[0]
    left = (active[1] - active[0]) * (rate[0] + rate[1]) / 2
    told |= {
        "windows_weeks": [[40, 52], [92, 104]],
        "active_exposed": [round(n, 2) for n in active],
        "exposures_a_week": [round(n, 3) for n in exposures],
        "complaints_a_week": [round(n, 3) for n in complaints],
        "share_of_fall_from_leaving": round(left / fall, 4) if fall else None,
    }
    return told


def _voices(lives: Lives, ids: Any) -> Told:
    exposed = np.flatnonzero(lives.voice > NOT_EXPOSED)
    told: Told = {"voices": VOICES, "realised_weekly_hazard": {}}
    for voice, name in enumerate(VOICES):
        here = (lives.voice == voice) & ~lives.sleeper
        start = np.where(voice == NOT_EXPOSED, np.maximum(lives.joined, 273), lives.exposed_on)
        at_risk = here & (lives.left > start) & (start < DAYS)
        time = (np.minimum(lives.left, DAYS) - start)[at_risk].sum() / 7
        leavers = int((at_risk & (lives.left < DAYS)).sum())
        told["realised_weekly_hazard"][name] = round(leavers / time, 5) if time else None
    told["of"] = {
        ids[b].item(): [int(lives.voice[b]), round(float(lives.exposed_on[b]), 2)] for b in exposed
    }
    return told


def _coupon(lives: Lives, ids: Any) -> Told:
    hit = np.flatnonzero(lives.coupon_on < DAYS)
    week = week_of(lives.exposure_day)
    rates = []
    for first, last in ((44, 59), (60, 104)):
        days = np.arange(7 * (first - 1), 7 * last)
        weeks = (lives.left[hit][:, None] > days).sum() / 7
        during = lives.exposure_is_coupon & (week >= first) & (week <= last)
        rates.append(round(int(during.sum()) / weeks, 5))
    return {"exposed": sorted(ids[hit].tolist()), "exposures_per_active_week": rates}


def _revenue(orders: Orders, lives: Lives, effects: Effects) -> Told:
    """T08: cents by month, purchases less refunds."""
    told: Told = {"months": 24}
    opening = lives.opening[orders.buyer]
    back = orders.refund_cents > 0
    for name, here in (("opening", opening), ("newcomers", ~opening)):
        bought = np.bincount(month_of(orders.day)[here], weights=orders.cents[here], minlength=25)
        refunded = np.bincount(
            month_of(orders.refund_second // 86_400)[here & back],
            weights=orders.refund_cents[here & back],
            minlength=25,
        )
        told[f"{name}_cents"] = [round(c) for c in (bought - refunded)[1:25].tolist()]
        place = 0 if name == "opening" else 1
        told[f"{name}_index"] = [
            round(index_of_month(effects, month)[place], 3) for month in range(1, 25)
        ]
    return told | orders.month_factor


def _escalations(tickets: Tickets) -> Told:
    over = tickets.refund_eur > 20
    granted = np.array([r == "refunded" for r in tickets.resolution])
    decided = np.array([r in ("refunded", "declined") for r in tickets.resolution])
    return {
        "over_20": [int((over & tickets.escalated).sum()), int(over.sum())],
        "elsewhere": [int((~over & tickets.escalated).sum()), int((~over).sum())],
        "granted_after_escalation": [
            int((over & tickets.escalated & granted).sum()),
            int((over & tickets.escalated & decided).sum()),
        ],
    }


def _strangers(tickets: Tickets, buyers: int) -> Told:
    return {
        name: [int((here & ~tickets.recognised).sum()), int(here.sum())]
        for channel, name in enumerate(TICKET_CHANNELS)
        for here in [(tickets.channel == channel) & (tickets.person < buyers)]
    }


def _nps(answers: Answers) -> Told:
    def score(values: Ints) -> float:
        return round(100 * float((values >= 9).mean() - (values <= 6).mean()), 2)

    asked = answers.survey == RELATIONSHIP
    given = answers.nps[asked & (answers.answered >= 0)]
    promoters = answers.true_nps >= 9
    who = answers.person[asked & (answers.answered >= 0)]
    answered = np.zeros(len(promoters), dtype=bool)
    answered[who] = True
    return {
        "true_nps": score(answers.true_nps),
        "naive_nps": score(given),
        "answered": len(given),
        "answer_ratio": round(float(answered[promoters].mean() / answered[~promoters].mean()), 3),
    }


def _weight_of_delivery(answers: Answers, effects: Effects) -> Told:
    told = _tells_of(answers, "delivery")
    others = (answers.theme >= 0) & ~told
    return {
        "odds_per_point": effects.delivery_weighs,
        "told": int(told.sum()),
        "drag": round(float(answers.csat[told].mean() - answers.csat[others].mean()), 3),
    }


def _talk(messages: Messages) -> Told:
    purposes = np.array(messages.purpose)
    return {
        "asks": int((purposes == "ask").sum()),
        "gives": int((purposes == "give").sum()),
        "inbound": int(messages.inbound.sum()),
        "never_answered": messages.replies_never,
    }


def _trial(lives: Lives, ids: Any) -> Told:
    trial = lives.trial
    bought = np.isin(
        trial.person,
        lives.buyer[(lives.day > TRIAL_DAY) & (lives.day <= TRIAL_DAY + TRIAL_WITHIN)],
    )
    return {
        "listed_on_day": TRIAL_DAY,
        "within_days": TRIAL_WITHIN,
        "called": [int(bought[trial.called].sum()), int(trial.called.sum())],
        "held_out": [int(bought[~trial.called].sum()), int((~trial.called).sum())],
        "moved_by_the_call": sorted(ids[trial.bought_more].tolist()),
    }


def _tells_of(answers: Answers, theme: str) -> Bools:
    tells: Bools = answers.theme == [t.name for t in THEMES].index(theme)
    return tells


def _share(persona: Ints, among: Ints) -> float:
    return round(float((persona[among] == BARGAIN_HUNTER).mean()), 4)
