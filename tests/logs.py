"""Small random logs, and what happened to whom in them, worked out in plain Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from company import company
from hypothesis import strategies as st

from cxkit.workspace import Workspace

# 'd' is passed before 'a' at the same instant; 'b' and 'c' are one stage, after 'a'
JOURNEY = {"stages": ["d", "a", "bc"], "touchpoints": {"bc": ["b", "c"]}, "within_days": 30}
RANKS = {"d": 1, "a": 2, "b": 3, "c": 3}
START = datetime(2026, 1, 1, 10)
GAP = timedelta(minutes=30)
# ties, less than a second, exactly half an hour, and a little more
_TIMES = [timedelta(minutes=30) * n for n in range(5)] + [
    timedelta(microseconds=1),
    timedelta(minutes=30, microseconds=1),
    timedelta(days=40),
    timedelta(days=40, milliseconds=500),
]
_ROW = st.tuples(
    st.sampled_from(["ann", "bob", "cid"]),
    st.sampled_from(_TIMES),
    st.sampled_from(["a", "b", "c", "d", "e", None, "ordered"]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([None, "web", "app"]),
)
LOGS = st.lists(_ROW, max_size=30, unique=True)
Row = tuple[str, timedelta, str | None, str | None, str | None]


@contextmanager
def store_of(rows: list[Row]) -> Iterator[Workspace]:
    """Lend an open store of a log."""
    events, orders = [], []
    for customer, after, name, case, channel in rows:
        who = {"customer_id": customer, "channel": channel}
        if name == "ordered":
            number = {"order_id": f"o{len(orders)}", "amount": 1, "currency": "EUR"}
            orders.append({**who, **number, "ordered_at": START + after})
        else:
            told = {"occurred_at": START + after, "event": name, "case_id": case}
            events.append({**who, **told})
    with TemporaryDirectory() as folder:
        workspace = company(Path(folder), {"journey": JOURNEY}, events=events, orders=orders)
        try:
            yield workspace
        finally:
            workspace.close()


def walks(
    rows: list[Row],
    unit: str,
    of: str = "touchpoint",
    until: datetime | None = None,
    gap: timedelta = GAP,
) -> list[list[tuple[datetime, str]]]:
    """Return what each unit passed, in order, with its times."""
    passed = []
    orders = 0
    for customer, after, name, case, _channel in rows:
        if name == "ordered":
            case, orders = f"o{orders}", orders + 1
        if name is not None and (until is None or START + after <= until):
            passed.append((customer, START + after, RANKS.get(name, 255), name, case))
    if unit == "order":
        passed = [row for row in passed if row[3] == "ordered"]
    if unit == "case":
        passed = [row for row in passed if row[4] is not None]
    if unit == "session":
        passed = [row for row in passed if row[3] != "ordered"]

    def whose(row: Any) -> Any:
        return (row[0], row[4] if unit in ("order", "case") else "")

    found = []
    for _who, group in groupby(sorted(passed, key=lambda row: (whose(row), row[1:4])), key=whose):
        walk: list[tuple[datetime, str]] = []
        for row in group:
            if unit == "session" and walk and row[1] - walk[-1][0] > gap:
                found.append(walk)
                walk = []
            walk.append((row[1], "bc" if of == "stage" and row[3] in "bc" else row[3]))
        found.append(walk)
    return found


def nearest_rank(values: list[int], share: float) -> int:
    """Return the smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return next(v for n, v in enumerate(ordered, 1) if n >= share * len(ordered) - 1e-9)


def micros(gap: timedelta) -> int:
    """Return a time between two moments in microseconds."""
    return gap // timedelta(microseconds=1)
