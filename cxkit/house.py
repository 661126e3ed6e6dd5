"""The doors of the public face: open a store, keep a setting, show a query."""

from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cxkit import settings, workspace
from cxkit.errors import BadQuestion
from cxkit.workspace import Workspace


def open(store: str | Path | None = None) -> Workspace:
    """Open a store read-only; without one, the demo company.

    Raises NoStore where nothing was imported into `store` yet, BadQuestion where it is no path.
    """
    if store is not None and not isinstance(store, str | Path):
        raise BadQuestion(f"store is {store!r}; give the path of a store, as in 'stores/mine'.")
    if store is None:
        from cxkit import demo

        store = demo.store()
    return Workspace(store)


def keep_settings(store: str | Path, **sections: dict[str, Any]) -> Path:
    """Keep settings in the store's `cx.toml` and return its path.

    `keep_settings("store/", journey={"stages": ["visited", "bought"], "within_days": 14})`.
    Values that a published table rests on (the time zone, the journey) are taken up by the next
    import. Raises BadSettings, and keeps nothing, where a name or value is unknown.
    """
    return settings.keep(Path(store), sections)


def show_sql(name: str) -> None:
    """Print the SQL of one analysis, exactly as it runs.

    `sales` and `local_day` in it are explained in docs/data.md.

    Raises BadQuestion, naming the queries there are, where `name` is not one.
    """
    print(workspace.query_text(name))


def month_ends(workspace: Workspace, months: int) -> list[date]:
    """Return the last days of the `months` full months before the end of the data, newest first.

    An empty list where nothing is dated.
    """
    ends: list[date] = []
    if workspace.as_of is None:
        return ends
    zone = ZoneInfo(workspace.settings.company.timezone)
    day = workspace.as_of.replace(tzinfo=UTC).astimezone(zone).date() + timedelta(days=1)
    while len(ends) < months:
        day = day.replace(day=1) - timedelta(days=1)
        ends.append(day)
    return ends


def toy_company() -> Workspace:
    """Open a company of five people, small enough to count along with a funnel.

    Its rows are imported like any other export, into a temporary store.
    """
    from cxkit import demo

    return Workspace(demo.toy())
