"""How fast are the models of value, as ratios to a yardstick in the same run?

`python benchmarks/value.py [CUSTOMERS]` draws that many customers (default 1,000,000) from BG/NBD
over two years, publishes their orders in a temporary store, and prints CPU seconds, the ratio to
counting orders per customer (the yardstick), and the peak memory of each step, run in a process
of its own.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import cxkit as cx
from cxkit import store
from cxkit.settings import Settings
from cxkit.stats.value import fit_buying, forecast

YARDSTICK = "select customer_id, count(*) as n from orders group by 1 order by 1 limit 1"
ASKED = {"zone": "UTC", "currency": ""}
_WEEKS = 104


def make_store(folder: Path, customers: int) -> None:
    draw = np.random.default_rng(1)
    rate, chance = draw.gamma(0.9, 1 / 9, customers), draw.beta(0.6, 3, customers)
    now = draw.uniform(0, 0.75 * _WEEKS, customers)
    going, parts = np.arange(customers), []
    while len(going):
        parts.append(pl.DataFrame({"who": going, "week": now[going]}))
        going = going[draw.random(len(going)) >= (chance[going] if len(parts) > 1 else 0)]
        now[going] += draw.exponential(1, len(going)) / rate[going]
        going = going[now[going] < _WEEKS]
    orders = pl.concat(parts).with_columns(
        amount=draw.gamma(6, 5, sum(part.height for part in parts))
    )
    with store.draft(folder) as draft:
        draft.register("made", orders.to_arrow())
        draft.execute(
            "insert into orders (order_id, customer_id, ordered_at, amount, currency) "
            "select row_number() over (), 'c' || lpad(who::varchar, 9, '0'), "
            "timestamp '2024-01-01' + to_seconds((week * 604800)::bigint), amount, 'EUR' from made"
        )
        store.publish(folder, draft, files={}, settings=Settings(), suggested={})
    print(f"{customers:,} customers, {orders.height:,} orders")


def _rows(ws: cx.Workspace) -> pl.DataFrame:
    return ws.query("best_customers", as_of=ws.as_of, **ASKED)


def _fit(ws: cx.Workspace) -> str:
    rows = _rows(ws)
    started = time.process_time()
    model = fit_buying(rows)
    middle = time.process_time()
    forecast(rows, model, None, 52)
    kinds = rows.select("repeats", "last", "age").n_unique()
    ended = time.process_time()
    return f"{kinds:,} kinds: fit {middle - started:.1f}, forecast {ended - middle:.1f} CPU s"


STEPS: dict[str, Callable[[cx.Workspace], object]] = {
    "yardstick": lambda ws: ws.sql(YARDSTICK),
    "query": lambda ws: _rows(ws).height,
    "query, fit, forecast": _fit,
    "best_customers": lambda ws: cx.best_customers(ws).finding,
    "value_check": lambda ws: cx.value_check(ws).finding,
    "rfm": lambda ws: cx.rfm(ws).finding,
}


def measure(folder: str, name: str, answers: "multiprocessing.Queue[tuple[float, float]]") -> None:
    ws = cx.open(folder)
    ws.sql("select 1")
    started = time.process_time()
    told = STEPS[name](ws)
    seconds = time.process_time() - started
    if isinstance(told, str):
        print(f"  {told}", flush=True)
    answers.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        base = 0.0
        context = multiprocessing.get_context("spawn")
        customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
        maker = context.Process(target=make_store, args=(Path(folder), customers))
        maker.start()  # apart, so that its memory is nobody else's
        maker.join()
        for name in STEPS:
            answers = context.Queue()
            process = context.Process(target=measure, args=(folder, name, answers))
            process.start()
            seconds, peak = answers.get()
            process.join()
            base = base or seconds
            print(
                f"{name:22} {seconds:7.2f} CPU s {seconds / base:7.1f} x yardstick {peak:7.0f} MB"
            )
