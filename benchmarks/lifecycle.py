"""How long do the states of 25,000 customers over 365 dates take, and how much memory?

`python benchmarks/lifecycle.py [CUSTOMERS]` makes a year of orders in a temporary store (about
six a customer) and prints, in a process of its own, wall and CPU seconds of the median of five
rounds and the peak of memory above that of the bare, open store.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cxkit as cx
from cxkit import store
from cxkit.settings import Settings

MAKE = """
insert into orders (order_id, customer_id, ordered_at, amount, currency)
select
    i::varchar,
    'c' || lpad((power(random(), 1.5) * $customers)::bigint::varchar, 9, '0'),
    timestamp '2024-01-01' + to_seconds((random() * 366 * 86400)::bigint),
    5 + random() * 100, 'EUR'
from range(6 * $customers) as made(i)
"""


def measure(folder: str) -> None:
    ws = cx.open(folder)
    assert ws.as_of is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds = []
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        history = cx.lifecycle_history(ws, every_days=1)
        rounds.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = (statistics.median(times) for times in zip(*rounds, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dates = history.table["day"].n_unique()
    print(
        f"{history.n:,} customers, {ws.tables['orders']:,} orders, {dates} dates: {wall:.2f} s, "
        f"{cpu:.2f} CPU s, {peak / 1024:.0f} MB at most, {(peak - before) / 1024:.0f} MB of it "
        "above the open store"
    )
    ws.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[2])
    else:
        customers = int(sys.argv[1]) if len(sys.argv) > 1 else 25_000
        with tempfile.TemporaryDirectory() as folder:
            with store.draft(Path(folder)) as draft:
                draft.execute("select setseed(0.5)").fetchall()
                draft.execute(MAKE, {"customers": customers})
                store.publish(Path(folder), draft, files={}, settings=Settings(), suggested={})
            subprocess.run([sys.executable, __file__, str(customers), folder], check=True)
