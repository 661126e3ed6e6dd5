"""Dropdowns and sliders that ask a question again: they collect choices and show the Result.

There is no arithmetic here. Whatever a widget can show, one call of the same function can.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cxkit.errors import BadQuestion, CxError, listed
from cxkit.result import Result
from cxkit.safe import escape

if TYPE_CHECKING:
    from datetime import date, datetime

    import ipywidgets
    import polars as pl

    from cxkit.schema import Table
    from cxkit.workspace import Workspace


def explore(
    analysis: Callable[..., Result],
    workspace: "Workspace",
    *,
    fixed: Mapping[str, Any] | None = None,
    sliders: Collection[str] = (),
    **choices: Sequence[Any],
) -> "ipywidgets.VBox":
    """Show an analysis with one dropdown per choice; a change asks again.

    `explore(stage_funnel, ws, by=[None, "channel"], within_days=[7, 30])` starts with the first
    of each list. `fixed` holds arguments that stay. Choices named in `sliders` get a slider from
    the least to the most, which the arrow keys move as well. A question that cannot be answered
    shows its message in place of the chart.

    Raises BadQuestion where a choice has nothing to choose from, or a slider is none of the
    choices.
    """
    import ipywidgets

    output = ipywidgets.Output()
    strangers = [name for name in sliders if name not in choices]
    if strangers:
        raise BadQuestion(f"There is no choice '{strangers[0]}' to slide: {listed(choices)}.")
    empty = [name for name, values in choices.items() if not values]
    if empty:
        raise BadQuestion(f"{empty[0]} is an empty list: there is nothing to choose from.")
    controls = {
        name: (_slider if name in sliders else _dropdown)(name, values)
        for name, values in choices.items()
    }

    def show(_change: object = None) -> None:
        asked = {
            name: control.value[0] if name in sliders else control.value
            for name, control in controls.items()
        }
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


def _slider(name: str, values: Sequence[Any]) -> "ipywidgets.SelectionSlider":
    """Make one labelled slider, which starts at the first value; None, the default, comes last."""
    import ipywidgets

    told = {value for value in values if value is not None}
    try:
        ordered = sorted(told)
    except TypeError:  # a date in words beside dates
        ordered = sorted(told, key=str)
    # ipywidgets takes a None for "nothing chosen", so each value stands in a tuple
    options = [(_label(value), (value,)) for value in ordered]
    return ipywidgets.SelectionSlider(
        options=[*options, *[("default", (None,))] * (None in values)],
        value=(values[0],),
        description=name.replace("_", " "),
        continuous_update=False,  # asks when the slider rests, not at every step on the way
        style={"description_width": "initial"},
        layout={"width": "28em"},
    )


def _label(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


_NONE = "– leave out –"
_WIDE = {"style": {"description_width": "11em"}, "layout": {"width": "34em"}}


def settle_mapping(workspace: "Workspace") -> "ipywidgets.VBox":
    """Settle what the columns of waiting exports mean, and keep it for every later one.

    One line per column of the chosen file: what it may mean, set to the guess, and examples that
    show their form. Where only you can know whether 03/04 is 3 April, the line asks. *Keep* writes
    the mapping into the store's `cx.toml`; the next import of the folder loads the file. Where no
    export waits, the box says so.
    """
    import ipywidgets

    from cxkit.analyses.start.unknown_exports import unknown_exports

    waiting = unknown_exports(workspace)
    heading = ipywidgets.Label(waiting.finding)
    if waiting.table.is_empty():
        return ipywidgets.VBox([heading])
    digests = dict(workspace.query("unknown_exports").select("file", "sha256").iter_rows())
    files = waiting.table["file"].unique(maintain_order=True).to_list()
    forms = {
        file: _form(
            workspace, file, digests[file], waiting.table.filter(waiting.table["file"] == file)
        )
        for file in files
    }
    chosen = ipywidgets.Dropdown(options=files, description="Export", **_WIDE)
    place = ipywidgets.VBox([forms[files[0]]])

    def show(_change: object = None) -> None:
        place.children = (forms[chosen.value],)

    chosen.observe(show, names="value")
    return ipywidgets.VBox([heading, chosen, place])


def _form(
    workspace: "Workspace", file: str, digest: str, columns: "pl.DataFrame"
) -> "ipywidgets.VBox":
    """Make the form of one waiting export: its table, a line per column, a button and an answer."""
    import ipywidgets

    from cxkit import schema
    from cxkit.imports import confirm_mapping
    from cxkit.imports.types import FORMATS
    from cxkit.store import raw_path

    lines = [_Line(row, FORMATS) for row in columns.iter_rows(named=True)]
    guessed = next((name for name in columns["table"] if name), "")
    told = [
        (f"{t.name}: {t.meaning[0].lower()}{t.meaning[1:]}", t.name) for t in schema.TABLES.values()
    ]
    table = ipywidgets.Dropdown(
        options=told, value=guessed or "events", description="It holds", **_WIDE
    )
    ask = ipywidgets.Label(
        f"{file} looks like {guessed}. Is each column what it says below?"
        if guessed
        else f"What does {file} hold? Choose, and say what each column means."
    )
    keep = ipywidgets.Button(description="Keep", button_style="primary")
    answer = ipywidgets.Label("Nothing is kept before you press Keep.")

    def offer(_change: object = None) -> None:
        for line in lines:
            line.offer(schema.TABLES[table.value])

    def keep_it(_button: object) -> None:
        chosen = {line.meaning.value: line.column for line in lines if line.meaning.value}
        unsaid = [line.column for line in lines if line.asking and not line.format.value]
        formats = {line.meaning.value: line.format.value for line in lines if line.asking}
        meant = [line.meaning.value for line in lines if line.meaning.value]
        if len(meant) > len(chosen):
            twice = next(name for name in meant if meant.count(name) > 1)
            answer.value = f"Nothing is kept yet. Two columns are {twice}: leave one of them out."
            return
        if unsaid:
            answer.value = f"Nothing is kept yet. Say first how '{unsaid[0]}' is written."
            return
        try:
            raw = raw_path(workspace.store, digest)
            confirm_mapping(workspace.store, raw, {table.value: chosen}, formats)
        except CxError as problem:
            answer.value = f"Nothing is kept. {problem}"
            return
        said = ", ".join(
            f"'{column}' is {name}" + (f" ({formats[name]})" if name in formats else "")
            for name, column in chosen.items()
        )
        answer.value = (
            f"Kept in cx.toml: {file} holds {table.value}; {said}. "
            "Import the folder again, and it loads with the others."
        )

    table.observe(offer, names="value")
    keep.on_click(keep_it)
    offer()
    return ipywidgets.VBox([ask, table, *(line.box for line in lines), keep, answer])


class _Line:
    """One column of a waiting export: its meaning, examples, and a question where there is one."""

    def __init__(self, row: Mapping[str, Any], formats: Mapping[str, Sequence[str]]) -> None:
        """Make the controls; `formats` are the answers to a doubt, by the kind of cell."""
        import ipywidgets

        self.formats = formats
        self.column, self.guess, self.asks = row["column"], row["meaning"], row["asks"]
        self.meaning = ipywidgets.Dropdown(description=self.column, **_WIDE)
        shown = " · ".join(filter(None, (row[f"example_{n}"] for n in (1, 2, 3))))
        examples = ipywidgets.Label(f"e.g. {shown}" if shown else "always empty")
        self.question = ipywidgets.Label(f"In '{self.column}', {self.asks}")
        self.format = ipywidgets.Dropdown(layout={"width": "12em"})
        self.doubt = ipywidgets.HBox(
            [self.question, self.format], layout={"margin": "0 0 0 11.5em"}
        )
        self.box = ipywidgets.VBox([ipywidgets.HBox([self.meaning, examples]), self.doubt])
        self.asking = False
        self._kinds: dict[str, str] = {}
        self.meaning.observe(self._ask, names="value")

    def offer(self, table: "Table") -> None:
        """Offer the columns of a table as meanings, the guess chosen where it is one of them."""
        self._kinds = {column.name: column.kind for column in table.columns}
        told = [
            (f"{c.name}{' (needed)' if c.required else ''}: {c.meaning}", c.name)
            for c in table.columns
        ]
        self.meaning.options = [(_NONE, ""), *told]
        self.meaning.value = self.guess if self.guess in self._kinds else ""
        self._ask()

    def _ask(self, _change: object = None) -> None:
        """Show the question only where the column is read as something that leaves it open."""
        kind = self._kinds.get(self.meaning.value or "", "")
        kind = "number" if kind in ("money", "count") else kind
        known = self.formats.get(kind, ())
        self.asking = bool(self.asks and known)
        self.format.options = [("– choose –", ""), *((way, way) for way in known)]
        self.format.value = ""
        self.doubt.layout.display = None if self.asking else "none"


_LONGEST_SHOWN = 2_000  # characters of a comment


def label_themes(
    workspace: "Workspace", *, most: int = 20, as_of: "date | datetime | str | None" = None
) -> "ipywidgets.VBox":
    """Label comments with the themes of your theme book, one after another.

    Each comment is shown masked, with a box per theme of the book. Tick, and press *Keep*; or stay
    on the keyboard: type the numbers of its themes ("1 3"), 0 for none of them, s to skip or b to
    go back, and press Enter. Each label is kept at once in the store's `labels.json` (see
    `keep_labels`). Until 100 comments are labelled those asked about are drawn by lot, so that they
    stand for all; then come the least certain ones. From 100 on `themes` learns from the labels.

    Args:
        workspace: an open store with a theme book (see `keep_themes`).
        most: how many comments to ask about.
        as_of: ask about what was written until this moment; default: the latest time in the data.

    Raises:
        BadThemes: where there is no theme book, or it or the labels are damaged.
        BadQuestion: where `most` is no whole number.
    """
    import ipywidgets

    from cxkit.theme_keep import kept_themes, to_label

    asked = to_label(workspace, most, as_of)
    book = kept_themes(workspace)
    if asked.is_empty() or book is None:
        return ipywidgets.VBox([ipywidgets.Label("Every comment is labelled.")])
    return _Labelling(workspace, asked, book.names).box


class _Labelling:
    """Comments to label, one after another: what is ticked, kept, skipped and gone back to."""

    def __init__(
        self, workspace: "Workspace", asked: "pl.DataFrame", themes: Sequence[str]
    ) -> None:
        """Make the controls and show the first comment."""
        import ipywidgets

        from cxkit.safe import masked

        self.workspace, self.themes = workspace, themes
        self.numbers = asked["feedback_id"].to_list()
        self.comments = masked(asked["comment"]).to_list()
        self.at, self.kept = 0, dict[str, list[str]]()
        self.heading, self.answer = ipywidgets.Label(), ipywidgets.Label()
        # shown to the letter, in lines: a label would set $ as a formula
        self.comment = ipywidgets.Textarea(disabled=True, rows=6, layout={"width": "48em"})
        self.boxes = [
            ipywidgets.Checkbox(description=f"{n} {name}", indent=False, layout={"width": "auto"})
            for n, name in enumerate(themes, 1)
        ]
        self.typed = ipywidgets.Text(
            placeholder="1 3, 0 for none, s to skip, b to go back",
            description="Or type, and Enter",
            continuous_update=False,  # tells of what is typed once Enter is pressed
            **_WIDE,
        )
        acts = {
            "Keep": self.keep,
            "None of these": self.keep_none,
            "Skip": self.skip,
            "Back": self.back,
        }
        self.buttons = [ipywidgets.Button(description=name) for name in acts]
        self.buttons[0].button_style = "primary"
        for button, act in zip(self.buttons, acts.values(), strict=True):
            button.on_click(lambda _button, act=act: act())
        self.typed.observe(lambda _change: self.read(), names="value")
        controls = [*self.boxes, self.typed, ipywidgets.HBox(self.buttons)]
        self.box = ipywidgets.VBox([self.heading, self.comment, *controls, self.answer])
        self._controls = [*self.boxes, self.typed, *self.buttons[:3]]
        self.show()

    def show(self) -> None:
        """Show the comment that it is at, with what was kept of it."""
        done = self.at >= len(self.numbers)
        for control in self._controls:
            control.disabled = done
        self.buttons[3].disabled = self.at == 0
        if done:
            self.heading.value = f"{len(self.kept)} of {len(self.numbers)} comments are labelled."
            self.comment.value = ""
            self.answer.value = "Ask cx.themes(ws) again, or cx.label_themes(ws) for the next ones."
            return
        number = self.numbers[self.at]
        self.heading.value = f"Comment {self.at + 1} of {len(self.numbers)}: what is it about?"
        shown = self.comments[self.at]
        self.comment.value = (
            shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 1] + "…"
        )
        for box, name in zip(self.boxes, self.themes, strict=True):
            box.value = name in self.kept.get(number, ())

    def read(self) -> None:
        """Do what was typed, and make room for the next."""
        typed = self.typed.value.lower().replace(",", " ").split()
        if not typed or self.at >= len(self.numbers):
            return
        self.typed.value = ""
        acts = {("0",): self.keep_none, ("s",): self.skip, ("b",): self.back}
        if tuple(typed) in acts:
            acts[tuple(typed)]()
            return
        wrong = [t for t in typed if not (t.isdecimal() and 1 <= int(t) <= len(self.themes))]
        if wrong:
            self.answer.value = (
                f"Nothing is kept: '{wrong[0]}' is no number from 1 to {len(self.themes)}, "
                "nor 0, s or b alone."
            )
            return
        self._keep([self.themes[at] for at in sorted({int(t) - 1 for t in typed})])

    def keep(self) -> None:
        """Keep what is ticked."""
        ticked = [n for n, box in zip(self.themes, self.boxes, strict=True) if box.value]
        if ticked:
            self._keep(ticked)
        else:
            self.answer.value = "Nothing is ticked: tick a theme, or press None of these."

    def keep_none(self) -> None:
        """Keep that the comment has none of the themes."""
        self._keep([])

    def skip(self) -> None:
        """Go on without a label."""
        self.answer.value = ""
        self.at = min(self.at + 1, len(self.numbers))
        self.show()

    def back(self) -> None:
        """Go back to the comment before."""
        self.answer.value = ""
        self.at = max(self.at - 1, 0)
        self.show()

    def _keep(self, found: list[str]) -> None:
        from cxkit.theme_keep import keep_labels

        number = self.numbers[self.at]
        try:
            keep_labels(self.workspace, {number: found})
        except CxError as problem:
            self.answer.value = f"Nothing is kept. {problem}"
            return
        self.kept[number] = found
        said = f"Kept: {', '.join(found) or 'none of the themes'}."
        self.skip()
        if self.at < len(self.numbers):
            self.answer.value = said
