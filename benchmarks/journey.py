"""How fast are funnels, paths and visits, beside a plain count and beside the nearest peers?

`python benchmarks/journey.py [EVENTS] [FOLDER]` makes a log of that many events (default
1,000,000) in a store (kept in FOLDER, if one is named, and used again) and asks cxkit and its peers
for the same answers, in turn: round by round, the median of five. It prints CPU seconds and their
ratio to counting the timeline's rows per customer (the yardstick) and to each peer, and says
whether the answers are equal.

The peers are ClickHouse as `chdb`, on a MergeTree table that is sorted by customer and time, in
the fastest of several forms of each query; and, up to a million events, `retentioneering`. They
run in a process of their own, by the interpreter that CXKIT_PEERS names (default: this one); one
that is not installed is left out with a message.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROUNDS = 5
STAGES = ["visit", "cart", "pay", "review"]
NAMES = ["cart", "help", "pay", "review", "search", "visit"]
PEERS = {"chdb": "ClickHouse MergeTree", "retentioneering": "retentioneering"}
MOST_FOR_PANDAS = 1_000_000  # events
COHORTS = """
with masks as (
    select customer_key,
        bit_or(1 << ((year(occurred_at) - 2025) * 12 + month(occurred_at) - 1)::int) as months
    from timeline
    group by customer_key
)
select months, count(*) as customers from masks group by months order by months
"""


# ---- cxkit ---------------------------------------------------------------------------------------


def ours(ws: Any) -> dict[str, tuple[Callable[[], Any], str, Callable[[Any], Any]]]:
    """Return each operation of cxkit, the peers' operation like it, and its answer in plain."""
    import cxkit as cx
    from cxkit.funnels import plan, walked
    from cxkit.passages import slices

    until = ws.as_of
    asked = plan(ws, stages=STAGES)
    of = {"of": "touchpoint", "unit": "customer", "as_of": until}

    def walk() -> list[int]:
        parts = [walked(ws, asked, until, part) for part in slices(ws)]
        return [sum(int(part[f"got_{n}"].sum()) for part in parts) for n in asked.step_of]

    def pairs(table: Any) -> Any:
        return sorted(row for row in table.drop_nulls("here").rows())

    def whole_pairs(result: Any) -> Any:
        rows = result.table.select("from", "to", "count").rows()
        return sorted(row for row in rows if row[1] != "nothing more")

    def visits(result: Any) -> Any:
        row = result.table.row(0, named=True)
        return [row["sessions"], row["touchpoints"], row["one_touch"], row["median_touchpoints"]]

    operations: dict[str, Any] = {
        "funnel, the walk": (walk, "funnel", list),
        "stage_funnel": (
            lambda: cx.stage_funnel(ws, stages=STAGES),
            "funnel",
            lambda result: result.table["reached"].to_list(),
        ),
        "transitions, the counts": (
            lambda: ws.query("transitions", after=None, **of),
            "transitions",
            pairs,
        ),
        "transitions": (lambda: cx.transitions(ws), "transitions with times", whole_pairs),
        "sessions": (lambda: cx.sessions(ws), "sessions", visits),
        "cohort mask": (lambda: ws.sql(COHORTS), "cohort mask", lambda table: table.rows()),
        "top paths, the query": (
            lambda: ws.query("top_paths", steps=5, most=20, people=False, **of),
            "top paths",
            lambda table: table["units"].to_list(),
        ),
        "top_paths": (
            lambda: cx.top_paths(ws),
            "top paths",
            lambda result: result.table["count"].to_list(),
        ),
        "step_matrix": (
            lambda: cx.step_matrix(ws, steps=5),
            "step matrix",
            lambda result: result.table.filter(result.table["count"] > 0)["count"].sort().to_list(),
        ),
    }
    operations["journey_map"] = (
        lambda: cx.journey_map(ws, stages=STAGES), "", lambda result: None,
    )  # fmt: skip
    return operations


# ---- the peers, in a process of their own --------------------------------------------------------

FUNNEL = """
select level, count() from (
    select c, windowFunnel(2592000)({time}, e = 'visit' and t <= {latest},
        e = 'cart', e = 'pay', e = 'review') as level
    from d.log where e in ('visit', 'cart', 'pay', 'review') group by c {setting}
) group by level order by level
"""
LAG = """
select here, e, count() {times} from (
    select e, t, lagInFrame(e) over w as here, lagInFrame(c, 1, 4294967295) over w as before, c,
        lagInFrame(t) over w as since
    from d.log window w as ({partition} order by {order} rows between 1 preceding and current row)
) where before = c group by here, e
"""
# One thread: with several, the arrays of a customer who lies across two of their shares are put
# together in any order, and some counts are off by one.
ARRAYS = """
select pair.1, pair.2, count() from (
    select arrayJoin(arrayZip(arrayPopBack(es), arrayPopFront(es))) as pair
    from (select groupArray(e) as es from d.log group by c
        settings optimize_aggregation_in_order=1, max_threads=1)
) group by pair.1, pair.2
"""
TIMED_ARRAYS = """
select step.1, step.2, count(), quantilesExactLow(0.5, 0.9)(step.4 - step.3) from (
    select arrayJoin(arrayZip(arrayPopBack(es), arrayPopFront(es), arrayPopBack(ts),
        arrayPopFront(ts))) as step
    from (select groupArray(e) as es, groupArray(toUnixTimestamp64Micro(t)) as ts from d.log
        group by c settings optimize_aggregation_in_order=1, max_threads=1)
) group by step.1, step.2
"""
VISITS = """
select count(), sum(size), countIf(size = 1), quantileExactLow(0.5)(size),
    quantilesExactLowIf(0.5, 0.9)(length, size > 1) from ({visits})
"""
VISITS_IN_ARRAYS = """
select length(visit) as size, visit[-1] - visit[1] as length from (
    select arrayJoin(arraySplit((x, d) -> d > 1800000000, ts, arrayDifference(ts))) as visit
    from (select groupArray(toUnixTimestamp64Micro(t)) as ts from d.log group by c
        settings optimize_aggregation_in_order=1, max_threads=1)
)
"""
VISITS_BY_SUMS = """
select count() as size, max(u) - min(u) as length from (
    select c, u, sum(new) over (partition by c order by u
        rows between unbounded preceding and current row) as visit
    from (
        select c, toUnixTimestamp64Micro(t) as u, u - lagInFrame(u, 1, 0) over (
            partition by c order by t rows between 1 preceding and current row) > 1800000000 as new
        from d.log
    )
) group by c, visit
"""
VISITS_BY_EDGES = """
select leadInFrame(n, 1, toUInt64(total + 1)) over w - n as size,
    leadInFrame(pu, 1, latest) over w - u as length
from (
    select c, toUnixTimestamp64Micro(t) as u, row_number() over v as n,
        lagInFrame(c, 1, 4294967295) over v as pc, lagInFrame(u, 1, 0) over v as pu,
        assumeNotNull((select count() from d.log)) as total,
        assumeNotNull((select toUnixTimestamp64Micro(max(t)) from d.log
            where c = (select max(c) from d.log))) as latest
    from d.log window v as (order by c, t rows between unbounded preceding and current row)
) where pc <> c or u - pu > 1800000000
window w as (order by n rows between current row and 1 following)
"""
MASK = """
select months, count() from (
    select c, groupBitOr(bitShiftLeft(1, toMonth(t) - 1 + 12 * (toYear(t) - 2025))) as months
    from d.log group by c {setting}
) group by months order by months
"""
PATHS = """
select path, count() as n from (select {path} as path from d.log group by c {setting})
group by path order by n desc limit 20
"""
STEPS = """
select step, e, count() as n from (
    select arrayJoin(arrayEnumerate(es)) as step, es[step] as e from (
        select arrayResize(arrayMap(x -> toString(x), groupArray(5)(e)), 5, 'ended') as es
        from d.log group by c settings optimize_aggregation_in_order=1, max_threads=1)
) group by step, e
"""
IN_ORDER = "settings optimize_aggregation_in_order=1"
ALONE = f"{IN_ORDER}, max_threads=1"
SORTED_PAIRS = """
select pair.1, pair.2, count() from (
    select arrayJoin(arrayZip(arrayPopBack(es), arrayPopFront(es))) as pair
    from (select arrayMap(x -> x.2, arraySort(groupArray((t, e)))) as es from d.log group by c)
) group by pair.1, pair.2
"""


def clickhouse(parquet: str, latest: str) -> dict[str, Any]:
    """Load the log into a MergeTree table; return each operation's forms."""
    from chdb import session

    db = session.Session(tempfile.mkdtemp(dir=Path(parquet).parent))
    codes = ", ".join(f"'{name}' = {place}" for place, name in enumerate(NAMES))
    db.query("create database d engine=Atomic")
    db.query(
        f"create table d.log (c UInt32, t DateTime64(6, 'UTC'), e Enum8({codes})) "
        "engine=MergeTree order by (c, t, e)"
    )
    db.query(f"insert into d.log select c, t, e from file('{parquet}')")
    db.query("optimize table d.log final")

    def rows(text: str) -> list[list[Any]]:
        return json.loads(str(db.query(text, "JSONCompact")))["data"]

    def reached(found: list[list[Any]]) -> list[int]:
        return [sum(int(n) for level, n in found if int(level) >= k) for k in (1, 2, 3, 4)]

    def pairs(found: list[list[Any]]) -> list[Any]:
        return sorted([row[0], row[1], int(row[2])] for row in found)

    moment = f"toDateTime64('{latest}', 6, 'UTC')"
    each = {"partition": "partition by c", "order": "t, e"}
    whole = {"partition": "", "order": "c, t, e"}
    timed = (
        ", quantilesExactLow(0.5, 0.9)(toUnixTimestamp64Micro(t) - toUnixTimestamp64Micro(since))"
    )
    settings = ("", IN_ORDER)
    forms: dict[str, tuple[list[str], Callable[[Any], Any]]] = {
        "yardstick": (["select c, count() as n from d.log group by c order by c limit 1"], len),
        "funnel": (
            [FUNNEL.format(time="toDateTime(t)", latest=moment, setting=s) for s in settings],
            reached,
        ),
        "transitions": (
            [LAG.format(times="", **each), LAG.format(times="", **whole), ARRAYS, SORTED_PAIRS],
            pairs,
        ),
        "transitions with times": (
            [LAG.format(times=timed, **each), LAG.format(times=timed, **whole), TIMED_ARRAYS],
            pairs,
        ),
        "sessions": (
            [
                VISITS.format(visits=form)
                for form in (VISITS_IN_ARRAYS, VISITS_BY_SUMS, VISITS_BY_EDGES)
            ],
            lambda found: [int(value) for value in found[0][:4]],
        ),
        "cohort mask": (
            [MASK.format(setting=s) for s in settings],
            lambda found: [[int(a), int(b)] for a, b in found],
        ),
        "top paths": (
            [
                PATHS.format(path="groupArray(5)(e)", setting=ALONE),
                PATHS.format(path="arraySlice(groupArray(e), 1, 5)", setting=ALONE),
                PATHS.format(
                    path="arrayMap(x -> x.2, arraySlice(arraySort(groupArray((t, e))), 1, 5))",
                    setting="",
                ),
            ],
            lambda found: [int(row[1]) for row in found],
        ),
        "step matrix": ([STEPS], lambda found: sorted(int(row[2]) for row in found)),
    }
    return {
        name: ([lambda text=text: rows(text) for text in texts], plain)
        for name, (texts, plain) in forms.items()
    }


def pandas_peer(parquet: str, latest: str) -> dict[str, Any]:
    """Load the log into an Eventstream; its funnel has no window, so the counts differ."""
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    import pandas as pd
    from retentioneering.eventstream.eventstream import Eventstream

    frame = pd.read_parquet(parquet).rename(
        columns={"c": "user_id", "t": "timestamp", "e": "event"}
    )
    made: list[Any] = []

    def make() -> int:
        made[:] = [Eventstream(frame)]
        return len(frame)

    make()

    def pairs(table: Any) -> list[Any]:
        cells = table.stack()
        return sorted(
            [a, b, int(n)] for (a, b), n in cells.items() if n and a in NAMES and b in NAMES
        )

    return {
        "loading": ([make], lambda found: None),
        "funnel": ([lambda: made[0].funnel_data(STAGES)], lambda found: None),
        "transitions": ([lambda: made[0].transition_graph_data("count")], pairs),
    }


def serve(peer: str, parquet: str, latest: str) -> None:
    """Answer names of operations, one per line, with CPU seconds and the answer."""
    speak = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints is no answer

    def say(**told: Any) -> None:
        speak.write(json.dumps(told, default=str) + "\n")
        speak.flush()

    try:
        forms = {"chdb": clickhouse, "retentioneering": pandas_peer}[peer](parquet, latest)
    except ImportError as problem:
        say(missing=str(problem))
        return
    best: dict[str, Callable[[], Any]] = {}
    failed: dict[str, Any] = {}
    for name, (ways, _plain) in forms.items():
        spent = []
        for number, way in enumerate(ways):
            try:
                way()
                spent.append((cpu(way), number))
            except Exception as problem:  # a form that a version does not know
                failed[f"{name} {number}"] = str(problem)[:200]
        if spent:
            best[name] = ways[min(spent)[1]]
            failed[name] = [round(seconds, 3) for seconds, _number in spent]
    say(operations=list(best), notes=failed)
    for line in sys.stdin:
        name = line.strip()
        started = time.process_time()
        found = best[name]()
        spent_now = time.process_time() - started
        say(cpu=spent_now, answer=forms[name][1](found))


class Peer:
    """One peer in its own process, asked over a pipe."""

    def __init__(self, name: str, parquet: Path, latest: str) -> None:
        python = os.environ.get("CXKIT_PEERS", sys.executable)
        asked = [python, __file__, "--peer", name, str(parquet), latest]
        self.name, self.operations = PEERS[name], []
        self.process = subprocess.Popen(
            asked,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = self._hear()
        if "operations" in told:
            self.operations = told["operations"]
            print(f"{self.name}, CPU s of each form: {told['notes']}")
        else:
            print(f"{self.name} is left out: {told.get('missing', 'its process ended')}")

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def ask(self, operation: str) -> tuple[float, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(operation + "\n")
        self.process.stdin.flush()
        told = self._hear()
        return told["cpu"], told["answer"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


# ---- one alternating run -------------------------------------------------------------------------


def cpu(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def export(ws: Any, path: Path) -> None:
    """Write customer, time and touchpoint in the order of the timeline."""
    ws.sql(
        "select customer_key::uinteger as c, occurred_at as t, touchpoint::varchar as e "
        "from timeline where touchpoint is not null"
    ).write_parquet(path)


def main(events: int, folder: Path) -> None:
    from run import YARDSTICK, make_store

    import cxkit as cx

    ready = (folder / "manifest.json").is_file()
    ws = cx.open(folder) if ready else make_store(folder, events)
    print(f"{ws.tables['timeline']:,} rows of {ws.tables['people']:,} customers")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        parquet = Path(place) / "log.parquet"
        export(ws, parquet)
        latest = f"{ws.as_of - timedelta(days=30):%Y-%m-%d %H:%M:%S.%f}"
        names = [n for n in PEERS if n == "chdb" or ws.tables["timeline"] <= MOST_FOR_PANDAS]
        peers = [Peer(name, parquet, latest) for name in names]
        operations = ours(ws)
        spent: dict[str, list[float]] = {}
        answers: dict[str, Any] = {}

        def note(name: str, seconds: float) -> None:
            spent.setdefault(name, []).append(seconds)

        for turn in range(ROUNDS + 1):  # the first round warms up and compares
            if turn == 1:
                spent.clear()
            note("yardstick", cpu(lambda: ws.sql(YARDSTICK)))
            for name, (run, _like, plain) in operations.items():
                started = time.process_time()
                found = run()
                note(name, time.process_time() - started)
                answers[name] = plain(found)
            for peer in peers:
                for name in peer.operations:
                    seconds, answer = peer.ask(name)
                    note(f"{peer.name}: {name}", seconds)
                    answers[f"{peer.name}: {name}"] = answer
        for peer in peers:
            peer.close()
    report({name: statistics.median(times) for name, times in spent.items()}, operations, answers)
    ws.close()


def report(middle: dict[str, float], operations: dict[str, Any], answers: dict[str, Any]) -> None:
    base = middle["yardstick"]
    print(f"yardstick: {base:.3f} CPU s")
    for name, (_run, like, _plain) in operations.items():
        line = f"{name:26} {middle[name]:8.3f} CPU s {middle[name] / base:6.2f} x yardstick"
        for peer in PEERS.values():
            other = f"{peer}: {like}"
            if other in middle:
                same = json.loads(json.dumps(answers[name])) == answers[other]
                equal = "equal" if same else "OTHER COUNTS" if answers[other] else "not compared"
                line += f" | {middle[name] / middle[other]:6.3f} x {peer} ({equal})"
        print(line)
    print("; ".join(f"{name} {s:.3f}" for name, s in middle.items() if ":" in name))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        serve(*sys.argv[2:5])
    elif len(sys.argv) > 2:
        main(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(name))
