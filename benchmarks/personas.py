"""How long do personas of many customers take, and which step takes it?

`python benchmarks/personas.py [CUSTOMERS]` (default 1,000,000) makes a shop of that many buyers of
four kinds in a temporary store, with orders, visits, tickets and one field of the contact list,
and asks for personas by 12 features. It prints the seconds and the share of each step, and the
peak of memory of the process that asked.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cxkit as cx
from cxkit import persona_model, store
from cxkit.settings import Settings
from cxkit.stats import clusters
from cxkit.workspace import Workspace

# Kind 0 buys seldom and much, 1 often and little, 2 in the evening on the mobile, 3 asks a lot.
MAKE = (
    """
    create temp table kinds as
    select i, 'c' || lpad(i::varchar, 8, '0') as customer_id,
        case when r < 0.4 then 0 when r < 0.67 then 1
            when r < 0.88 then 2 else 3 end as kind
    from (select i, random() as r from range($customers) as made(i))
    """,
    """
    insert into customers (customer_id, attributes)
    select customer_id,
        json_object('Newsletters read', round(10 + 3 * random() + 8 * (kind % 2), 1))
    from kinds order by customer_id
    """,
    """
    insert into orders (order_id, customer_id, ordered_at, amount, channel, device, product)
    select 'o' || row_number() over (), customer_id,
        timestamp '2025-01-01' + to_days((random() * 540)::int)
            + to_seconds((3600 * (8 + 8 * random() + (kind = 2)::int * 7 * random()))::int),
        round((20 + 60 * (kind = 0)::int) * exp(0.3 * random()) * if(random() < 0.1, -1, 1), 2),
        if(random() < 0.2 + 0.6 * (kind = 2)::int, 'app', 'web'),
        if(random() < 0.2 + 0.6 * (kind = 2)::int, 'mobile', 'desktop'),
        'product ' || (random() * if(kind = 0, 40, 4))::int
    from (select *, unnest(range(if(kind = 1, 9, 4) + (3 * random())::int)) from kinds)
    """,
    """
    insert into events (event_id, customer_id, occurred_at, event, session)
    select 'e' || row_number() over (), customer_id,
        timestamp '2025-01-01' + to_days((random() * 540)::int), 'visit',
        's' || row_number() over ()
    from (select *, unnest(range(if(kind = 0, 9, 3) + (3 * random())::int)) from kinds)
    """,
    """
    insert into tickets (ticket_id, customer_id, opened_at)
    select 't' || row_number() over (), customer_id,
        timestamp '2025-01-01' + to_days((random() * 540)::int)
    from (select *, unnest(range(if(kind = 3, 5, 0) + (1.3 * random())::int)) from kinds)
    """,
)
STEPS: tuple[tuple[Any, str, str], ...] = (
    (Workspace, "query", "features in SQL"),
    (clusters, "prepare", "scales and limits"),
    (clusters, "prediction_strength", "prediction strength"),
    (clusters, "apart_p", "against data without groups"),
    (clusters, "bootstrap_jaccard", "stability"),
    (persona_model, "_personas", "names"),
)


def make_store(folder: Path, customers: int) -> None:
    with store.draft(folder) as draft:
        draft.execute("select setseed(0.5)").fetchall()
        for text in MAKE:
            draft.execute(text, {"customers": customers} if "$customers" in text else None)
        draft.execute("drop table kinds")
        store.publish(folder, draft, files={}, settings=Settings(), suggested={})


def timed(spent: dict[str, float], name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def running(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return run(*given, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started

    return running


def ask(folder: Path) -> None:
    workspace = cx.open(folder)
    spent: dict[str, float] = {}
    for home, name, words in STEPS:
        setattr(home, name, timed(spent, words, getattr(home, name)))
    started, cpu = time.perf_counter(), time.process_time()
    features = [*persona_model.BEHAVIOUR, "Newsletters read"]
    found = cx.personas(workspace, features=features)
    total, busy = time.perf_counter() - started, time.process_time() - cpu
    spent["k-means, assigning, the table"] = total - sum(spent.values())
    print(found.finding)
    print("\n".join(found.caveats))
    print(f"{found.n:,} customers x {len(features)} features: {total:.1f} s, {busy:.1f} CPU s")
    for step, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {step:32} {seconds:6.1f} s  {seconds / total:4.0%}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of memory {peak:,.0f} MB")


def main(customers: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        make_store(Path(name), customers)
        child = multiprocessing.get_context("spawn").Process(target=ask, args=(Path(name),))
        child.start()
        child.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
