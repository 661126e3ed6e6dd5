"""Three processes read a store while another imports into it again and again, and steps back.

`python tests/faults/reading.py [IMPORTS]` (default 100). A reader opens the store again and again
and asks for numbers that agree only within one snapshot: the records that `files` says were
loaded, the rows there are, and the highest number in them. Numbers that disagree are a torn read.
"""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import cxkit as cx  # noqa: E402
from cxkit import store  # noqa: E402
from cxkit.imports import import_exports  # noqa: E402

MAPPING = {"events": {"customer_id": "user", "occurred_at": "at", "event": "event"}}
ROWS = 20  # that every import adds


def add(inbox: Path, number: int) -> None:
    """Write the export of one more day."""
    lines = "".join(f"u{number * ROWS + i},2024-01-05 10:00:00,e{number}\n" for i in range(ROWS))
    (inbox / f"{number:04}.csv").write_text("user,at,event\n" + lines)


def read(home: Path, stop: Any, told: Any) -> None:
    """Open and ask until it is enough; tell what went wrong and how often it was asked."""
    reads, faults, seen = 0, [], set()
    while not stop.is_set():
        try:
            ws = cx.open(home)
            loaded = ws.sql("select sum(loaded) as n, count(*) as files from files").row(0)
            rows = ws.sql("select count(*) as n from events")["n"][0]
            people = ws.sql("select count(*) as n from people")["n"][0]
            dated = ws.sql("select count(*) as n from timeline")["n"][0]
            wanted = loaded[1] * ROWS
            if not loaded[0] == rows == people == dated == wanted == ws.tables["events"]:
                faults.append(f"torn: {loaded}, {rows}, {people}, {dated}")
            if len(ws.snapshot["files"]) != loaded[1]:
                faults.append("the manifest speaks of another snapshot")
            seen.add(ws.snapshot["id"])
            ws.close()
        except Exception as problem:
            faults.append(f"{type(problem).__name__}: {problem}")
        reads += 1
        time.sleep(0.01)  # leaves the writer its turn on a small machine
    told.put((reads, len(seen), faults))


def run(imports: int) -> tuple[int, int, list[str], float]:
    """Return how often was read, how many snapshots were seen, what went wrong, and the time."""
    with tempfile.TemporaryDirectory(prefix="reading-") as folder:
        inbox, home = Path(folder) / "inbox", Path(folder) / "store"
        inbox.mkdir()
        add(inbox, 0)
        import_exports(inbox, store=home, mapping=MAPPING)
        spawn = multiprocessing.get_context("spawn")
        stop, told = spawn.Event(), spawn.Queue()
        readers = [spawn.Process(target=read, args=(home, stop, told)) for _ in range(3)]
        for reader in readers:
            reader.start()
        began = time.monotonic()
        for number in range(1, imports + 1):
            add(inbox, number)
            import_exports(inbox / f"{number:04}.csv", store=home)
            # back to few files, so that the last import takes no longer than the first
            while number % 8 == 0 and len(store.read_manifest(home).snapshots) > 1:
                cx.undo(home)
        took = time.monotonic() - began
        stop.set()
        found = [told.get(timeout=60) for _ in readers]
        for reader in readers:
            reader.join(60)
    return (
        sum(reads for reads, _, _ in found),
        max(seen for _, seen, _ in found),
        [fault for _, _, faults in found for fault in faults],
        took,
    )


if __name__ == "__main__":
    imports = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    reads, seen, faults, took = run(imports)
    print(
        f"{imports} imports in {took:.0f} s, {reads:,} reads by 3 readers, up to {seen} snapshots"
    )
    print(f"faults: {len(faults)}" + "".join(f"\n  {fault}" for fault in faults[:20]))
    sys.exit(1 if faults else 0)
