"""Dropdowns and sliders that ask a question again: they collect choices and show the Result.

There is no arithmetic here. Whatever a widget can show, one call of the same function can.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cxkit.errors import CxError
from cxkit.result import Result
from cxkit.safe import escape

if TYPE_CHECKING:
    import ipywidgets

    from cxkit.workspace import Workspace


def explore(
    analysis: Callable[..., Result],
    workspace: "Workspace",
    *,
    fixed: Mapping[str, Any] | None = None,
    **choices: Sequence[Any],
) -> "ipywidgets.VBox":
    """Show an analysis with one dropdown per choice; a change asks again.

    `explore(stage_funnel, ws, by=[None, "channel"], within_days=[7, 30])` starts with the first
    of each list. `fixed` holds arguments that stay. A question that cannot be answered shows its
    message in place of the chart.
    """
    import ipywidgets

    output = ipywidgets.Output()
    controls = {name: _dropdown(name, values) for name, values in choices.items()}

    def show(_change: object = None) -> None:
        asked = {name: control.value for name, control in controls.items()}
        try:
            bundles = analysis(workspace, **(fixed or {}), **asked).outputs()
        except CxError as problem:
            bundles = [{"text/html": f"<p>{escape(problem)}</p>", "text/plain": str(problem)}]
        # Assigned, never drawn inside `with output:`, which can hang a notebook that runs unseen.
        output.outputs = tuple(
            {"output_type": "display_data", "metadata": {}, "data": bundle} for bundle in bundles
        )

    for control in controls.values():
        control.observe(show, names="value")
    show()
    return ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), output])


def _dropdown(name: str, values: Sequence[Any]) -> "ipywidgets.Dropdown":
    """Make one labelled dropdown; None is offered as 'all'."""
    import ipywidgets

    return ipywidgets.Dropdown(
        options=[("all" if value is None else _label(value), value) for value in values],
        value=values[0],
        description=name.replace("_", " "),
        style={"description_width": "initial"},
    )


def _label(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


_NONE = "– none –"


def settle_mapping(workspace: "Workspace") -> "ipywidgets.VBox":
    """Settle what the columns of the first waiting export mean, and keep it for every later one.

    One dropdown per column of the file, set to the guess. *Keep* writes the mapping into the
    store's `cx.toml`; the next import of the folder loads the file. Where no export waits, the
    box says so.
    """
    import ipywidgets

    from cxkit import schema
    from cxkit.analyses.start.unknown_exports import unknown_exports
    from cxkit.imports import confirm_mapping
    from cxkit.store import raw_path

    asked = unknown_exports(workspace)
    said = ipywidgets.Label(asked.finding)
    if asked.table.is_empty():
        return ipywidgets.VBox([said])
    file = asked.table["file"][0]
    columns = asked.table.filter(asked.table["file"] == file)
    digest = workspace.query("unknown_exports")["sha256"][0]

    wide = {"style": {"description_width": "initial"}, "layout": {"width": "24em"}}
    table = ipywidgets.Dropdown(
        options=list(schema.TABLES),
        value=next((t for t in columns["table"] if t), "events"),
        description="table",
        **wide,
    )
    meanings = {
        row["column"]: ipywidgets.Dropdown(description=row["column"], **wide)
        for row in columns.iter_rows(named=True)
    }
    guessed = dict(columns.select("column", "meaning").iter_rows())
    dates = _dropdown("dates", [None, "day first", "month first"])
    keep = ipywidgets.Button(description="Keep", button_style="primary")

    def offer(_change: object = None) -> None:
        known = [column.name for column in schema.TABLES[table.value].columns]
        for column, control in meanings.items():
            control.options = [_NONE, *known]
            control.value = guessed[column] if guessed[column] in known else _NONE

    def keep_it(_button: object) -> None:
        chosen = {c.value: column for column, c in meanings.items() if c.value != _NONE}
        times = [c.name for c in schema.TABLES[table.value].columns if c.kind == "time"]
        formats = {name: dates.value for name in times if name in chosen and dates.value}
        try:
            confirm_mapping(
                workspace.store, raw_path(workspace.store, digest), {table.value: chosen}, formats
            )
        except CxError as problem:
            said.value = str(problem)
        else:
            said.value = f"Kept. Import the folder again, and {file} loads with the others."

    table.observe(offer, names="value")
    keep.on_click(keep_it)
    offer()
    return ipywidgets.VBox([said, table, *meanings.values(), dates, keep])
