"""What an import, a replay and an undo tell: one row per file, one sentence, and what to know."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cxkit import schema
from cxkit import store as stores
from cxkit.imports.publish import Account, News
from cxkit.imports.sources import Arrived
from cxkit.result import Result, counted
from cxkit.safe import shown

_SQL = "select * exclude (sha256) from files order by source_file"
_COUNTS = ("loaded", "set_aside", "duplicate", "skipped")


def imported(home: Path, arrived: Sequence[Arrived], news: News | None) -> Result:
    """Tell about the files of an import; `news` is None where it changed nothing."""
    current = _Current(home)
    table = current.table(arrived)
    finding = _accounted(table)
    if news is None:
        finding += " Nothing has changed since the last import."
    caveats = [*_left_out(table), *current.shared(), *_news(news or News())]
    if news and news.taken_in:
        taken = sum(news.taken_in.values())
        caveats.append(f"{_records(taken)} that had been set aside {_is(taken)} taken in now.")
    return current.result("import_exports", "Did every row arrive?", table, finding, caveats)


def replayed(
    home: Path, arrived: Sequence[Arrived], aside: Mapping[str, int], news: News | None
) -> Result:
    """Tell what a replay took in; `aside` counts by file the records that were set aside before."""
    current = _Current(home)
    table = current.table(arrived)
    taken = news.taken_in if news else {}
    took = pl.Series("taken_in", [taken.get(d, 0) for d in table["sha256"]], dtype=pl.Int64)
    table = table.insert_column(table.columns.index("note"), took)
    still = int(table["set_aside"].sum())
    stays = f"{_records(still)} {'stays' if still == 1 else 'stay'} set aside."
    if news is None:
        finding = (
            "Nothing has changed since the last import: no recipe, mapping or setting is another. "
            + stays
        )
    else:
        was = sum(aside.values())
        finding = (
            f"Of {_records(was)} that {'was' if was == 1 else 'were'} set aside, "
            f"{took.sum():,} {_is(int(took.sum()))} taken in now. {stays}"
        )
    caveats = [*_left_out(table), *current.shared(), *_news(news or News())]
    return current.result("replay", "What can be taken in now?", table, finding, caveats)


def undone(home: Path, left: Mapping[str, Any], now: Mapping[str, Any]) -> Result:
    """Tell which import is current again, and which files are out."""
    current = _Current(home)
    table = current.table(
        [Arrived(row["source_file"], digest) for digest, row in current.files.items()]
    )
    until = f", up to {shown(current.as_of.date())}" if current.as_of else ""
    finding = (
        f"The import before the last is current again: {counted(table.height, 'file')} with "
        f"{counted(int(table['loaded'].sum()), 'loaded record')}{until}."
    )
    caveats = ["cx.toml stays as it is: the next import follows it."]
    out = sorted(left["files"][d]["names"][0] for d in set(left["files"]) - set(now["files"]))
    if out:
        named = ", ".join(out[:5]) + (f" and {len(out) - 5} more" if len(out) > 5 else "")
        caveats.insert(0, f"Out again: {named}. Import the folder again to take them back in.")
    return current.result("undo", "Which import is current?", table, finding, caveats)


class _Current:
    """The snapshot that is current after an import, as far as it is told of."""

    def __init__(self, home: Path) -> None:
        connection = stores.attach(home)
        try:
            files = stores.frame(connection.sql("select * from files order by source_file"))
            as_of = connection.execute("select max(occurred_at) from timeline").fetchone()
            self._shared = connection.execute(
                "select column_name, cells from doubts where source_file = 'all files' order by 1"
            ).fetchall()
        finally:
            connection.close()
        self.as_of = as_of[0] if as_of else None
        self.files = {row["sha256"]: row for row in files.iter_rows(named=True)}

    def table(self, arrived: Sequence[Arrived]) -> pl.DataFrame:
        """Return one row per file that arrived; a content that came twice counts once."""
        lines = []
        seen: dict[str, str] = {}
        for item in arrived:
            row = self.files.get(item.sha256)
            if item.refused or row is None:
                account = Account(item.name, item.sha256, note=[item.refused])
            elif item.sha256 in seen:
                account = Account(item.name, item.sha256, row["recipe"], row["records"])
                account.duplicate = row["records"]
                account.note = [f"the same content as {seen[item.sha256]}"]
            else:
                seen[item.sha256] = item.name
                counts = {name: row[name] for name in _COUNTS}
                account = Account(
                    item.name,
                    item.sha256,
                    row["recipe"],
                    row["records"],
                    note=[row["note"]],
                    **counts,
                )
            lines.append(account.row())
        columns = {c.name: c.kind for c in schema.SNAPSHOT_TABLES["files"][1]}
        kinds = {n: pl.Int64 if kind == "count" else pl.String for n, kind in columns.items()}
        return pl.DataFrame(lines, schema=kinds, orient="row")

    def shared(self) -> Iterator[str]:
        """Tell of ids that several people carry."""
        for kind, aliases in self._shared:
            yield f"{counted(aliases, kind)} with several owners: such an id links nobody."

    def result(
        self, name: str, question: str, table: pl.DataFrame, finding: str, caveats: Sequence[str]
    ) -> Result:
        """Return the answer about this snapshot."""
        told = table.drop("sha256").rename({"source_file": "file"})
        records = int(table["records"].sum())
        return Result(name, question, told, finding, tuple(caveats), _SQL, self.as_of, records)


def _accounted(table: pl.DataFrame) -> str:
    sums = {name: int(table[name].sum()) for name in ("records", *_COUNTS)}
    return (
        f"All {counted(sums['records'], 'record')} of {counted(table.height, 'file')} are "
        f"accounted for: {sums['loaded']:,} loaded, {sums['set_aside']:,} set aside, "
        f"{sums['duplicate']:,} duplicate, {sums['skipped']:,} skipped."
    )


def _left_out(table: pl.DataFrame) -> Iterator[str]:
    out = table.filter((pl.col("loaded") + pl.col("set_aside") + pl.col("duplicate")) == 0)
    for name, note in out.select("source_file", "note").iter_rows():
        yield f"{name}: {note}"


def _news(news: News) -> Iterator[str]:
    if not news.late:
        return
    rows = sum(news.late.values())
    tables = ", ".join(f"{count:,} in {name}" for name, count in sorted(news.late.items()))
    yield (
        f"{counted(rows, 'row')} {_is(rows)} late ({tables}): older than rows of an earlier "
        "import, so numbers of past days have changed."
    )


def _records(count: int) -> str:
    return counted(count, "record")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
