"""nbval compares notebooks by value: numbers as numbers, words as words, nothing left out.

nbval alone compares text with text, so the last bit of a float fails it, and it passes over every
cell that was never run. Here the recorded outputs and the new ones are walked side by side, and
the first difference is told by its place: `data[0].y[3]: 41 was recorded, now it is 42`.
"""

import base64
import math
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest

PLOTLY = "application/vnd.plotly.v1+json"
NOT_COMPARED = {"application/vnd.jupyter.widget-view+json"}  # the random id of a widget's model
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?", re.IGNORECASE)

Outputs = list[dict[str, Any]]


def same_number(recorded: float, now: float) -> bool:
    """Whole numbers are equal exactly, others to 6 significant digits; 1 is never too little."""
    if recorded == now or (math.isnan(recorded) and math.isnan(now)):
        return True
    if float(recorded).is_integer() and float(now).is_integer():
        return False
    return math.isclose(recorded, now, rel_tol=1e-6, abs_tol=1e-12) and abs(recorded - now) < 0.5


def same_text(recorded: str, now: str) -> bool:
    """The same words; printed decimals may differ as numbers may."""
    if recorded == now:
        return True
    if DECIMAL.sub("#", recorded) != DECIMAL.sub("#", now):
        return False
    pairs = zip(DECIMAL.findall(recorded), DECIMAL.findall(now), strict=True)
    return all(same_number(float(one), float(other)) for one, other in pairs)


def decoded(value: Any) -> Any:
    """Plotly's packed numbers as a list; any other value as it is."""
    if isinstance(value, dict) and {"dtype", "bdata"} <= value.keys():
        return np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"]).tolist()
    return value


def differences(recorded: Any, now: Any, place: str, ignored: frozenset[str]) -> Iterator[str]:
    """Tell every place where two JSON values differ."""
    told = f"{place}: {_short(recorded)} was recorded, now it is {_short(now)}"
    shapes = [value.get("shape") for value in (recorded, now) if isinstance(value, dict)]
    recorded, now = decoded(recorded), decoded(now)
    if isinstance(recorded, dict) and isinstance(now, dict):
        for key in sorted((recorded.keys() | now.keys()) - ignored):
            if key not in recorded or key not in now:
                yield f"{place}.{key}: " + ("is new" if key in now else "is missing now")
            else:
                yield from differences(recorded[key], now[key], f"{place}.{key}", ignored)
    elif isinstance(recorded, list) and isinstance(now, list):
        if len(recorded) != len(now) or len(set(map(str, shapes))) > 1:
            yield f"{place}: {len(recorded)} values were recorded, now there are {len(now)}"
        for number, pair in enumerate(zip(recorded, now, strict=False)):
            yield from differences(*pair, f"{place}[{number}]", ignored)
    elif isinstance(recorded, bool) or isinstance(now, bool) or recorded is None or now is None:
        if recorded is not now:
            yield told
    elif isinstance(recorded, int | float) and isinstance(now, int | float):
        if not same_number(recorded, now):
            yield told
    elif recorded != now:
        yield told


def _short(value: Any) -> str:
    text = repr(decoded(value))
    return text if len(text) <= 200 else text[:200] + "..."


def output_differences(recorded: Outputs, now: Outputs) -> Iterator[str]:
    """Tell every difference between the recorded outputs of a cell and its new ones."""
    for name in ("stdout", "stderr"):
        texts = [
            "".join(output["text"] for output in outputs if output.get("name") == name)
            for outputs in (recorded, now)
        ]
        if not same_text(*texts):
            yield f"{name}: {_short(texts[0])} was recorded, now it is {_short(texts[1])}"
    shown = [[o for o in outputs if o["output_type"] != "stream"] for outputs in (recorded, now)]
    if len(shown[0]) != len(shown[1]):
        yield f"{len(shown[0])} outputs were recorded, now there are {len(shown[1])}"
    for number, (one, other) in enumerate(zip(*shown, strict=False), start=1):
        yield from _one_output(one, other, f"output {number}")


def _one_output(recorded: dict[str, Any], now: dict[str, Any], place: str) -> Iterator[str]:
    if recorded["output_type"] != now["output_type"]:
        yield f"{place}: {recorded['output_type']} was recorded, now it is {now['output_type']}"
    if recorded["output_type"] == "error":
        yield from differences(recorded["evalue"], now.get("evalue"), place, frozenset())
    old, new = recorded.get("data", {}), now.get("data", {})
    for kind in sorted((old.keys() | new.keys()) - NOT_COMPARED):
        if kind not in old or kind not in new:
            yield f"{place}, {kind}: " + ("is new" if kind in new else "is missing now")
        elif isinstance(old[kind], str) and isinstance(new[kind], str):
            if not same_text(old[kind], new[kind]):
                yield f"{place}, {kind}: {_first_line_apart(old[kind], new[kind])}"
        else:
            # a theme is looks, not findings, and the id of a trace is random
            ignored = frozenset({"uid", "template"}) if kind == PLOTLY else frozenset()
            yield from differences(old[kind], new[kind], f"{place}, {kind} ", ignored)


def _first_line_apart(recorded: str, now: str) -> str:
    for one, other in zip_longest(recorded.splitlines(), now.splitlines(), fillvalue=""):
        if not same_text(one, other):
            return f"{_short(one)} was recorded, now it is {_short(other)}"
    return "the line ends differ"


def compare_outputs(cell: Any, test: Outputs, ref: Outputs, skip_compare: object = None) -> bool:
    """Stand in for nbval's own comparison of one cell."""
    told = list(output_differences(ref, test))
    cell.comparison_traceback = told[:10]
    return not told


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail the cells that nbval would run without comparing anything."""
    if not hasattr(item, "raise_cell_error") or item.options["skip"]:
        return
    code = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
    if item.cell.execution_count is None:
        item.raise_cell_error("This cell was never run: record the notebook with `make notebooks`.")
    if not any(cell.outputs for cell in code):
        item.raise_cell_error("The notebook has no outputs: record it with `make notebooks`.")


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("nbval"):
        from nbval.plugin import IPyNbCell

        IPyNbCell.compare_outputs = compare_outputs
