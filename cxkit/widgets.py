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
