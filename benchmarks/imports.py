"""How fast does a large CSV become a published snapshot, and in how much memory?

`python benchmarks/imports.py [ROWS] [ROUNDS]` writes a log of that many events (default 1,000,000;
10,000,000 make about 640 MB) into a temporary folder and prints, for each step, the file's
megabytes per CPU second, the highest resident memory, and the CPU time as a ratio to DuckDB's
bare read of the same file (every cell as text, its lengths summed, nothing kept). The steps take
turns, each in a process of its own; the medians of the rounds (default 3) are shown.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

MAKE = """
copy (
    select
        'e' || lpad(i::varchar, 9, '0') as event_id,
        'c' || lpad((power(random(), 2.5) * $customers)::bigint::varchar, 9, '0') as "user",
        strftime(
            timestamp '2025-01-01' + to_seconds((random() * 31536000)::bigint), '%Y-%m-%d %H:%M:%S'
        ) as "at",
        ['visit', 'visit', 'cart', 'pay', 'review', 'help, please', 'search', 'say "hi"']
            [1 + floor(random() * 8)::int] as event,
        ['web', 'app', 'shop'][1 + floor(random() * 3)::int] as channel,
        ['', '/home', '/cart/' || (random() * 999)::int][1 + floor(random() * 3)::int] as page
    from range($rows) as made(i)
) to '{path}' (header, delimiter ',')
"""
MAPPING = {
    "events": {
        "event_id": "event_id",
        "customer_id": "user",
        "occurred_at": "at",
        "event": "event",
        "channel": "channel",
        "topic": "page",
    }
}


def bare_read(path: Path, folder: Path) -> None:
    connection = duckdb.connect()
    names = connection.sql("select * from read_csv($path, all_varchar = true) limit 0",
                           params={"path": str(path)}).columns  # fmt: skip
    sums = ", ".join(f'sum(length("{name}"))' for name in names)
    connection.sql(f"select {sums} from read_csv($path, all_varchar = true)",
                   params={"path": str(path)}).fetchall()  # fmt: skip


def count(path: Path, folder: Path) -> None:
    from cxkit.imports import count

    count.delimited(path, "utf-8", ",")


def stage(path: Path, folder: Path) -> None:
    from cxkit.imports import records

    staged = records.stage(path, folder / "staged.parquet", "0" * 64)
    assert staged.read == staged.counted


def publish(path: Path, folder: Path) -> None:
    from cxkit.imports import import_exports

    result = import_exports(path, store=folder / "store", mapping=MAPPING)
    assert result.table["skipped"].sum() == 1, result.finding


STEPS = {"bare read": bare_read, "count": count, "stage": stage, "import": publish}


def measured(step: str, path: Path) -> tuple[float, float]:
    """Run one step in a process of its own: CPU seconds and peak resident megabytes."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, __file__, "--step", step, str(path), folder]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise SystemExit(told.stderr)
    seconds, memory = json.loads(told.stdout.splitlines()[-1])
    return seconds, memory


def run_step(step: str, path: Path, folder: Path) -> None:
    STEPS[step](path, folder)
    both = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(used.ru_utime + used.ru_stime for used in both)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    print(json.dumps([seconds, max(used.ru_maxrss for used in both) / unit]))


def main(rows: int, rounds: int) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "events.csv"
        connection = duckdb.connect()
        connection.execute("select setseed(0.5)").fetchall()
        connection.execute("set threads = 1")
        statement = MAKE.format(path=str(path).replace("'", "''"))
        connection.execute(statement, {"rows": rows, "customers": max(1, rows // 20)}).fetchall()
        connection.close()
        megabytes = path.stat().st_size / 1e6
        print(f"{rows:,} rows, {megabytes:,.0f} MB, {os.cpu_count()} cores")
        found: dict[str, list[tuple[float, float]]] = {step: [] for step in STEPS}
        for _ in range(rounds):
            for step, runs in found.items():
                runs.append(measured(step, path))
        base = statistics.median(seconds for seconds, _ in found["bare read"])
        for step, runs in found.items():
            middle = statistics.median(seconds for seconds, _ in runs)
            print(
                f"{step:10} {middle:8.2f} CPU s {megabytes / middle:7.1f} MB per CPU s "
                f"{middle / base:7.1f} x bare read {max(memory for _, memory in runs):7.0f} MB peak"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        run_step(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        asked = [int(number) for number in sys.argv[1:]]
        main(*(asked + [1_000_000, 3][len(asked) :]))
