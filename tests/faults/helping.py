"""Six exports that overlap, and what a store holds, down to the last byte and the order of rows."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cxkit import schema, settings, store
from cxkit.imports import import_exports

SHOP = "Name,Email,Phone,Financial Status,Total,Created at,Lineitem name,Source,Device\n"
CRM = "Record ID,Email,Phone Number,Sales Region,Shop User ID,Merged Record IDs,Create Date\n"

# What each says twice or otherwise than another is what an import has to settle.
EXPORTS = {
    "shop_1.csv": SHOP
    + "#1,ann@x.test,,paid,10.00,2024-01-05 10:00:00 +0100,Pot,web,mobile\n"
    + "#1,,,,,,Seeds,,\n"
    + "#2,bo@x.test,,pending,20.00,2024-01-06 11:00:00 +0100,Spade,web,desktop\n"
    + "#3,guest@x.test,+49 151 000-3,paid,5.00,2024-01-07 11:00:00 +0100,Seeds,store,\n",
    "shop_2.csv": SHOP  # knows February, so it knows better about order 2
    + "#2,bo@x.test,,paid,25.00,2024-01-06 11:00:00 +0100,Spade,web,desktop\n"
    + "#2,,,,,,Rake,,\n"
    + "#4,cy@x.test,,paid,7.00,2024-02-01 09:00:00 +0100,Pot,app,mobile\n"
    + "#5,cy@x.test,,paid,7.00,soon,Pot,app,mobile\n",
    "shop_3.csv": SHOP  # an older export of fewer orders, and one that came late
    + "#1,ann@x.test,,pending,10.00,2024-01-05 10:00:00 +0100,Pot,web,mobile\n"
    + "#6,,+49 151 000-1,paid,3.00,2024-01-02 09:00:00 +0100,Seeds,app,mobile\n",
    "crm_1.csv": CRM
    + "1,ann@x.test,+49 151 000-1,North,u1,,2023-12-01\n"
    + "2,bo@x.test,,South,u2,,2023-12-02\n"
    + "7,bo@old.test,,South,u7,,2023-11-02\n",
    "crm_2.csv": CRM
    + "2,bo@x.test,+49 151 000-2,West,u2,7,2023-12-02\n"
    + "3,cy@x.test,,East,u3,,2024-01-20\n",
    "log.csv": "user,at,event\n"
    "u1,2024-01-05 08:00:00,visited\n"
    "u1,2024-01-05 08:00:00,visited\n"
    "u3,not a day,visited\n"
    "u9,2024-02-03 08:00:00,visited\n",
}
LOG = settings.Mapped(
    "log.csv",
    "events",
    ("user", "at", "event"),
    {"customer_id": "user", "occurred_at": "at", "event": "event"},
)


def write(folder: Path, names: Sequence[str] = tuple(EXPORTS)) -> Path:
    """Write some of the exports into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(EXPORTS[name], encoding="utf-8")
    return folder


def prepare(home: Path) -> Path:
    """Make a store that knows the log's columns and holds no import yet."""
    settings.keep(home, {"imports": [settings._plain(LOG)]})
    return home


def take_in(inbox: Path, home: Path) -> None:
    """Import a folder or a file."""
    import_exports(inbox, store=home)


def state(home: Path) -> str:
    """Return the hash of all tables of the current snapshot, with the order of their rows.

    'nothing' where nothing is published. The snapshot has to be the one that the manifest names.
    """
    manifest = store.read_manifest(home)
    if manifest is None:
        return "nothing"
    path = store.snapshot_path(home, manifest.current)
    assert store.sha256(path) == manifest.current["sha256"]
    digest = hashlib.sha256()
    connection = store.attach(home)
    try:
        for table in sorted([*schema.TABLES, *schema.SNAPSHOT_TABLES]):
            shape = connection.execute(f"describe {table}").fetchall()
            digest.update(repr((table, shape)).encode())
            digest.update(repr(connection.execute(f"from {table}").fetchall()).encode())
    finally:
        connection.close()
    return digest.hexdigest()


def leftovers(home: Path) -> list[str]:
    """Name what no store should hold once an import has ended."""
    manifest = store.read_manifest(home)
    named = {f"{s['id']}.duckdb" for s in manifest.snapshots} if manifest else set()
    return sorted(
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.name.endswith((".tmp", ".wal", ".lock"))
        or (path.suffix == ".duckdb" and path.name not in named)
    )
