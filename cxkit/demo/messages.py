"""How the company talks with them: asks, gives, questions and the wait for an answer (T17)."""

from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, DAYS, END, Effects, Profile, settle
from cxkit.demo.draws import Bools, Draws, Ints
from cxkit.demo.orders import Orders

ASKS = ("offer", "survey request", "reminder")
GIVES = ("thanks", "tip", "gift")
CHANNELS = ("e-mail", "phone", "chat", "letter")


@dataclass
class Messages:
    """One entry per message, sorted by time."""

    person: Ints
    sent: Ints  # local seconds
    thread: Ints
    inbound: Bools
    purpose: list[str]
    kind: list[str]
    channel: list[str]
    automatic: Bools
    replies_due: int  # inbound messages, for the truth
    replies_never: int


def make_messages(
    orders: Orders,
    preferred: list[str],
    created: Ints,
    profile: Profile,
    effects: Effects,
    seed: int,
) -> Messages:
    """Write the conversations, then everything that the company sends unasked."""
    draws = Draws(seed, "messages")
    people = len(created)

    # what customers write: around their purchases, while they are there
    count = profile.size(4300)
    order = draws.integers(0, len(orders.day), count)
    writer = orders.buyer[order]
    asked = orders.second[order] + draws.integers(600, 6 * 3600, count)
    asked = np.minimum(asked, orders.day[order] * DAY + 85_000)
    by = draws.pick((58, 30, 12), count)
    never = draws.chance(effects.never_answered, count)
    wait = draws.lognormal(count, median=effects.reply_median_hours, sigma=1.0)
    answered = settle(asked + np.floor(3600 * wait).astype(np.int64) + 60)
    robot = draws.chance(0.4, count)
    about = draws.pick((55, 30, 15), count)

    # what the company sends: T17 asks five times for each time it gives, answers included
    out = profile.size(effects.ask_messages)
    give = profile.size(effects.give_messages)
    total = out + give
    to = draws.integers(0, people, total)
    since = np.maximum(created[to], 0)
    day = (since + draws.uniform(total) * (END - 2 * DAY - since)).astype(np.int64) // DAY + 1
    sent = np.minimum(day, DAYS - 1) * DAY + draws.integers(8 * 3600, 20 * 3600, total)
    other = draws.pick((52, 26, 16, 6), total)
    obeys = draws.chance(0.62, total)
    asks = draws.pick((66, 24, 10), total)
    gives = draws.pick((48, 38, 14), total)

    rows: list[tuple[int, int, int, bool, str, str, str, bool]] = []
    kinds = ("question", "complaint", "suggestion")
    for i in range(count):
        channel = ("e-mail", "chat", "phone")[by[i]]
        who, at = int(writer[i]), int(asked[i])
        rows.append((who, at, i, True, "", kinds[about[i]], channel, False))
        if robot[i] and channel != "phone":
            rows.append((who, at + 45, i, False, "", "receipt", channel, True))
        if not never[i] and answered[i] <= END:
            rows.append((who, int(answered[i]), i, False, "give", "help", channel, False))
    for i in range(total):
        person = int(to[i])
        channel = preferred[person] if obeys[i] else CHANNELS[other[i]]
        purpose = "ask" if i < out else "give"
        kind = ASKS[asks[i]] if i < out else GIVES[gives[i]]
        rows.append((person, int(sent[i]), count + i, False, purpose, kind, channel, False))
    rows.sort(key=lambda row: (row[1], row[2], not row[3]))
    columns = list(zip(*rows, strict=True))
    return Messages(
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.int64),
        np.array(columns[3], dtype=bool),
        list(columns[4]),
        list(columns[5]),
        list(columns[6]),
        np.array(columns[7], dtype=bool),
        count,
        int(never.sum()),
    )
