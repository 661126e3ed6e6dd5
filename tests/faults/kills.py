"""Kill an import again and again, and look at what is left.

`python tests/faults/kills.py [KILLS] [SEED]` (default 1,000) makes a small store, then for each
kill copies it, starts an import, an undo or a replay in a process of its own, and kills that with
SIGKILL: after a random time, or at a random call to the file system (open, rename, remove, mkdir,
lock), so that the narrow places between two calls are met as often as the long ones. After each
kill the store has to open at the state before or after, the next import has to succeed, and
nothing may be left over. Needs a system that can fork.
"""

import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.helping import leftovers, prepare, state, take_in, write  # noqa: E402

from cxkit import settings, store  # noqa: E402
from cxkit.imports import replay as again  # noqa: E402
from cxkit.imports import undo  # noqa: E402

FIRST = ("shop_1.csv", "crm_1.csv", "log.csv")
CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "fcntl.flock"}
PUBLISHED = "published"


def in_a_process(run: Callable[[], object]) -> tuple[int, str, float]:
    """Run a function in a forked process; return how it ended, what it returned, and the time."""
    reading, writing = os.pipe()
    began = time.monotonic()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as said:
                said.write(json.dumps(run()))
            code = 0
        except BaseException as problem:
            print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as said:
        told = said.read()
    _, ended = os.waitpid(number, 0)
    return os.waitstatus_to_exitcode(ended), told, time.monotonic() - began


def killed(run: Callable[[], object], *, seconds: float = 0.0, call: int = 0) -> str:
    """Run a function in a process that is killed; return what it said until then.

    It is killed after so many seconds, or kills itself before its nth call to the file system.
    """
    reading, writing = os.pipe()
    number = os.fork()
    if number == 0:
        os.close(reading)
        if call:
            counted(lambda seen: os.kill(os.getpid(), signal.SIGKILL) if seen == call else None)
        try:
            run()
            os.write(writing, PUBLISHED.encode())
        finally:
            os._exit(0)
    os.close(writing)
    if not call:
        time.sleep(seconds)
        os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    with os.fdopen(reading) as said:
        return said.read()


def counted(then: Callable[[int], object]) -> None:
    """From now on call `then` with the number of each call to the file system."""
    seen = 0

    def count(event: str, _arguments: object) -> None:
        nonlocal seen
        if event in CALLS:
            seen += 1
            then(seen)

    sys.addaudithook(count)


@dataclass
class World:
    """A store before and after one piece of work, and what the work is."""

    name: str
    start: Path  # copied for every kill
    run: Callable[[Path], object]  # what is killed
    before: str
    after: str
    recover: Callable[[Path], object]  # what has to succeed afterwards
    recovered: str
    seconds: float = 0.0  # that the work takes when nobody kills it
    calls: int = 0  # that it makes to the file system

    def measured(self, place: Path) -> "World":
        """Return the world with what its work takes."""
        shutil.copytree(self.start, place)

        def run() -> int:
            last = 0

            def keep(seen: int) -> None:
                nonlocal last
                last = seen

            counted(keep)
            self.run(place)
            return last

        code, told, seconds = in_a_process(run)
        assert code == 0
        return replace(self, seconds=seconds, calls=json.loads(told))


@dataclass
class Found:
    """What all kills together showed."""

    kills: int = 0
    at: Counter[str] = field(default_factory=Counter)
    recovery: list[float] = field(default_factory=list)  # seconds until the store can be written
    imports: list[float] = field(default_factory=list)  # seconds of the whole next import
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        states = "".join(f"\n  {what}: {times:,}" for what, times in sorted(self.at.items()))
        return (
            f"{self.kills:,} kills; the store was found as it was{states}\n"
            f"recovery: {_spread(self.recovery)}; the next import, whole: {_spread(self.imports)}\n"
            f"faults: {len(self.faults)}" + "".join(f"\n  {fault}" for fault in self.faults[:20])
        )


def _spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s"


def worlds(folder: Path) -> list[World]:
    """Make the stores to start from; each step in a process, so that this one can fork cleanly."""
    inbox, first = write(folder / "inbox"), write(folder / "first", FIRST)

    def make(name: str, *steps: Callable[[Path], object]) -> Path:
        home = folder / name

        def run() -> None:
            prepare(home)
            for step in steps:
                step(home)

        assert in_a_process(run)[0] == 0
        return home

    def known(home: Path) -> str:
        code, told, _ = in_a_process(lambda: state(home))
        assert code == 0
        return str(json.loads(told))

    def mend(home: Path) -> None:
        settings.keep(home, {"company": {"timezone": "America/New_York"}})

    one, all_ = (lambda home: take_in(first, home)), (lambda home: take_in(inbox, home))
    empty = make("empty")
    old = make("old", one)
    # what an import that was killed late has left: all is read and nothing is built
    staged = make("staged", one, all_, undo)
    both = make("both", one, all_)
    mended = make("mended", one, all_, mend)
    finished, york = known(both), known(make("york", one, all_, mend, again))
    before = known(old)
    assert len({before, finished, york}) == 3
    assert known(staged) == before
    return [
        World("first import", empty, all_, "nothing", finished, all_, finished),
        World("import", old, all_, before, finished, all_, finished),
        World("import of what was read", staged, all_, before, finished, all_, finished),
        World("undo", both, undo, finished, before, all_, finished),
        World("replay", mended, again, finished, york, again, york),
    ]


def one_kill(world: World, place: Path, draw: random.Random, found: Found) -> None:
    """Kill once and look."""
    home = place / "store"
    shutil.copytree(world.start, home)
    moment = max(draw.random(), draw.random())  # the end, where it is published, more often
    if draw.random() < 0.5:
        seconds = moment * 1.1 * world.seconds
        how, said = f"after {seconds:.3f} s", killed(lambda: world.run(home), seconds=seconds)
    else:
        call = 1 + int(moment * world.calls)
        how, said = f"at call {call}", killed(lambda: world.run(home), call=call)
    found.kills += 1
    what = f"{world.name} killed {how}"

    def look() -> tuple[str, float]:
        began = time.monotonic()
        if store.read_manifest(home) is not None:
            store.attach(home).execute("select count(*) from timeline").fetchall()
        found_ = state(home)
        with store.draft(home):  # its lock is taken over and what it left is cleared
            return found_, time.monotonic() - began

    code, told, _ = in_a_process(look)
    now, seconds = json.loads(told) if code == 0 else ("torn", 0.0)
    found.at[f"{'after' if now == world.after else 'before'} the {world.name}"] += 1
    found.recovery.append(seconds)
    if now not in (world.before, world.after):
        found.faults.append(f"{what}: the store is {now}")
    if said == PUBLISHED and now != world.after:
        found.faults.append(f"{what}: a published import is lost")
    if seconds > 2:
        found.faults.append(f"{what}: recovery took {seconds:.1f} s")

    def recover() -> tuple[str, list[str]]:
        world.recover(home)
        return state(home), leftovers(home)

    code, told, seconds = in_a_process(recover)
    found.imports.append(seconds)
    if code != 0:
        found.faults.append(f"{what}: the next import fails")
        return
    reached, rest = json.loads(told)
    if reached != world.recovered:
        found.faults.append(f"{what}: the next import gives other tables")
    if rest:
        found.faults.append(f"{what}: left over: {rest}")


def many_kills(kills: int, seed: int) -> Found:
    """Kill as often as asked, and tell what was found."""
    draw = random.Random(seed)
    found, told = Found(), 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        home = Path(folder)
        made = [world.measured(home / world.name) for world in worlds(home)]
        for number in range(kills):
            place = Path(folder) / f"kill-{number}"
            world = draw.choices(made, weights=[1, 2, 6, 1, 2])[0]
            one_kill(world, place, draw, found)
            shutil.rmtree(place)
            for fault in found.faults[told:]:
                print(fault, file=sys.stderr, flush=True)
            told = len(found.faults)
            if (number + 1) % 50 == 0:
                print(f"{number + 1:,} kills, {told} faults", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:3]] + [1000, 2026][len(sys.argv) - 1 :]
    result = many_kills(*asked)
    print(result)
    sys.exit(1 if result.faults else 0)
