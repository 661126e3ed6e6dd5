"""How fast is cxkit, as ratios to a yardstick in the same run?

`python benchmarks/run.py [EVENTS]` makes a log of that many events (default 1,000,000) in a
temporary store and prints, for each operation, the CPU time of the median of five alternating
rounds and its ratio to counting the timeline's rows per customer (the yardstick). `import cxkit`
is set against `import duckdb`, each in a process of its own.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cxkit as cx
from cxkit import store
from cxkit.settings import Settings

STAGES = ["visit", "cart", "pay", "review"]
YARDSTICK = "select customer_key, count(*) as n from timeline group by 1 order by 1 limit 1"
MAKE = """
insert into events (customer_id, occurred_at, event, channel, event_id)
select
    'c' || lpad((power(random(), 2.5) * $customers)::bigint::varchar, 9, '0'),
    timestamp '2025-01-01' + to_seconds((random() * 31536000)::bigint),
    ['visit', 'visit', 'visit', 'cart', 'pay', 'review', 'help', 'search']
        [1 + floor(random() * 8)::int],
    ['web', 'app', 'shop'][1 + floor(random() * 3)::int],
    i::varchar
from range($events) as made(i)
"""


def make_store(folder: Path, events: int) -> cx.Workspace:
    with store.draft(folder) as draft:
        draft.execute("select setseed(0.5)").fetchall()
        draft.execute(MAKE, {"events": events, "customers": max(1, events // 20)})
        started = time.process_time()
        store.publish(folder, draft, files={}, settings=Settings(), suggested={})
        print(f"prepare and publish: {time.process_time() - started:.2f} CPU s")
    return cx.open(folder)


def cpu(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def ratios(ws: cx.Workspace) -> None:
    operations: dict[str, Callable[[], object]] = {
        "yardstick": lambda: ws.sql(YARDSTICK),
        "stage_funnel": lambda: cx.stage_funnel(ws, stages=STAGES),
        "stage_funnel by channel": lambda: cx.stage_funnel(ws, stages=STAGES, by="channel"),
    }
    rounds: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(5):
        for name, run in operations.items():
            rounds[name].append(cpu(run))
    base = statistics.median(rounds["yardstick"])
    for name, times in rounds.items():
        middle = statistics.median(times)
        print(f"{name:28} {middle:8.3f} CPU s {middle / base:8.1f} x yardstick")


def import_ratio() -> None:
    def seconds(name: str) -> float:
        code = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter()-t)"
        runs = [
            float(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)
            for _ in range(7)
        ]
        return statistics.median(runs)

    ours, peer = seconds("cxkit"), seconds("duckdb")
    print(f"import cxkit {1000 * ours:.0f} ms, import duckdb {1000 * peer:.0f} ms: "
          f"{ours / peer:.2f} x")  # fmt: skip


if __name__ == "__main__":
    import_ratio()
    with tempfile.TemporaryDirectory() as folder:
        ws = make_store(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        ratios(ws)
        ws.close()
