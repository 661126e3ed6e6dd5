"""A company with three kinds of customers, so far apart that everyone can be told by eye.

60 quiet ones (q), 36 busy ones (b), 33 loud ones (l): 129 buyers.
"""

import json
from statistics import NormalDist
from typing import Any

FIELDS = ["Then: Spend", "Then: Visits", "Then: Talk"]
LATER = ["Now: Spend", "Now: Visits", "Now: Talk"]
SETTINGS = {
    "personas": {"features": FIELDS, "later": LATER},
    "lifecycle": {"lapse_days": 60},
    "company": {"currency": "EUR"},
}
SIZES = {"q": 60, "b": 36, "l": 33}
CENTRES = {"q": (10, 5, 3), "b": (30, 15, 3), "l": (10, 15, 8)}
PEOPLE = [f"{kind}{n:02}" for kind, size in SIZES.items() for n in range(size)]


def values(who: str, kind: str | None = None) -> list[float]:
    """Return spend, visits and talk of a person, as one of `kind` has them: no two are alike."""
    n, size = int(who[1:]), SIZES[who[0]]
    places = ((n * step + shift) % size for step, shift in ((7, 0), (19, 5), (23, 11)))
    noise = [NormalDist().inv_cdf((place + 0.5) / size) for place in places]
    centre = CENTRES[kind or who[0]]
    return [round(c + z * s, 4) for c, z, s in zip(centre, noise, (2, 1, 0.5), strict=True)]


def contacts(became: dict[str, str] | None = None, new: int = 0) -> list[dict[str, Any]]:
    """Everyone then, and now; `became` says who is another kind now; `new` ones came since."""
    rows = []
    for who in PEOPLE:
        then, now = values(who), values(who, (became or {}).get(who))
        told = dict(zip(FIELDS + LATER, map(str, then + now), strict=True))
        rows.append({"customer_id": who, "attributes": json.dumps(told)})
    for n in range(new):
        told = dict(zip(LATER, map(str, values(f"q{n:02}")), strict=True))
        rows.append({"customer_id": f"n{n:02}", "attributes": json.dumps(told)})
    return rows


def orders(who: list[str] = PEOPLE) -> list[dict[str, Any]]:
    """Quiet ones buy a pot in January for 10, others a lamp in March for 40; the last one again."""
    last = {"order_id": "last", "customer_id": who[-1], "ordered_at": "2026-03-27T20:30"}
    last |= {"amount": 40, "currency": "EUR", "channel": "app", "product": "lamp"}
    return [last] + [
        {
            "order_id": f"o{n}",
            "customer_id": one,
            "ordered_at": "2025-01-05T09:30" if one[0] == "q" else "2025-03-27T20:30",
            "amount": 10 if one[0] == "q" else 40,
            "currency": "EUR",
            "channel": "Web" if one[0] == "q" else "app",
            "product": "pot" if one[0] == "q" else "lamp",
        }
        for n, one in enumerate(who)
    ]
