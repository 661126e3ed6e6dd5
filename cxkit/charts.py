"""The house theme and a few drawings that know no customers: a table in, a plotly Figure out.

Titles state the answer and axes name the unit. Colours can be told apart by colour-blind people,
and no drawing relies on colour alone: every mark is labelled. All text is escaped, since stages,
segments and topics come from the company's exports.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
import polars as pl
from plotly.graph_objects import Figure as Figure
from plotly.subplots import make_subplots

from cxkit.safe import escape

# Okabe and Ito (2008), in an order that keeps neighbours apart in print as well.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7A7A7A")
DIVERGING = ("#D55E00", "#F3B48B", "#D5D9DF", "#9CCBEA", "#0072B2")  # from bad to good
INK, QUIET, LINE, ALARM = "#22272e", "#6b7280", "#e5e7eb", "#D55E00"

# One click on plotly's 'Share chart' button would upload customer data, so the button is off.
CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}

_FONT = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_TOP = 84  # pixels above the chart, for a title of two lines
_AXIS = {"gridcolor": LINE, "zeroline": False, "automargin": True}
_THEME = go.layout.Template(
    layout={
        "colorway": list(COLOURS),
        "font": {"family": _FONT, "size": 13, "color": INK},
        "title": {"x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 16, "t": 12}},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 16, "r": 24, "t": _TOP, "b": 48},
        "hoverlabel": {"bgcolor": "white", "font": {"family": _FONT, "color": INK}},
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        "xaxis": {**_AXIS, "title": {"font": {"size": 13}}},
        "yaxis": {**_AXIS, "title": {"font": {"size": 13}}, "ticklabelstandoff": 6},
    }
)
pio.templates["cxkit"] = _THEME
pio.templates.default = "cxkit"
for _renderer in pio.renderers:
    if hasattr(pio.renderers[_renderer], "config"):
        pio.renderers[_renderer].config = {**(pio.renderers[_renderer].config or {}), **CONFIG}


def mime_bundle(figure: Figure) -> dict[str, Any]:
    """Return a figure as JupyterLab and the report show it, with the safe configuration."""
    drawn = figure.to_plotly_json()
    title = figure.layout.title.text or "chart"
    return {
        "application/vnd.plotly.v1+json": {
            "data": drawn["data"],
            "layout": drawn["layout"],
            "config": dict(CONFIG),
        },
        "text/plain": f"[chart] {title.split('<br>')[0]}",
    }


def plotly_js() -> str:
    """Return plotly's JavaScript, to be embedded once in a page that opens offline."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def bars(
    table: pl.DataFrame,
    *,
    length: str,
    label: str,
    title: str,
    unit: str,
    texts: Sequence[str],
    group: str | None = None,
    low: str | None = None,
    high: str | None = None,
    highlight: Sequence[bool] | None = None,
) -> Figure:
    """Draw horizontal bars from top to bottom in the order of the table.

    `length` and `label` name columns; `group` puts one colour per value side by side; `low` and
    `high` draw the interval as a whisker; `texts` stand at the bars; `highlight` marks rows in the
    alarm colour. `unit` names the axis; shares are shown as per cent.
    """
    figure = go.Figure()
    frame = table.with_columns(pl.Series("_text", list(texts), dtype=pl.String))
    frame = frame.with_columns(
        pl.Series("_mark", list(highlight or [False] * table.height), dtype=pl.Boolean)
    )
    groups = frame[group].unique(maintain_order=True).to_list() if group else [None]
    for place, name in enumerate(groups):
        rows = frame.filter(pl.col(group) == name) if group else frame
        colour = COLOURS[place % len(COLOURS)]
        whisker = None
        if low and high:
            whisker = {
                "type": "data",
                "symmetric": False,
                "array": _gap(rows, high, length),
                "arrayminus": _gap(rows, length, low),
                "color": INK,
                "thickness": 1.2,
                "width": 4,
            }
        figure.add_bar(
            x=rows[length].to_list(),
            y=[escape(value) for value in rows[label]],
            orientation="h",
            name=escape(name) if group else None,
            marker={"color": [ALARM if mark else colour for mark in rows["_mark"]]}
            if any(rows["_mark"])
            else {"color": colour},
            error_x=whisker,
            hovertext=[escape(text) for text in rows["_text"]],
            hovertemplate="%{y}: %{hovertext}<extra></extra>",
            showlegend=bool(group),
        )
    ends = [end or 0 for end in table[high or length]]
    if not group:  # the texts stand right of the whiskers, where nothing crosses them
        figure.add_scatter(
            x=ends,
            y=[escape(value) for value in table[label]],
            mode="text",
            text=[f" {escape(text)}" for text in texts],
            textposition="middle right",
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
        longest = max(ends, default=0)
        figure.update_xaxes(range=[0, 1.2 * longest or 1])
        if "share" in length.split("_") and longest > 0.8:
            figure.update_xaxes(tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1])  # there is no 120 %
    figure.update_yaxes(autorange="reversed", showgrid=False)
    _x_axis(figure, unit, share="share" in length.split("_"))
    lanes = table[label].n_unique() * max(1, len(groups) * 0.7)
    return _finish(figure, title, height=150 + int(38 * lanes))


def stacked(
    table: pl.DataFrame,
    *,
    length: str,
    label: str,
    part: str,
    colours: dict[str, str],
    title: str,
    unit: str,
) -> Figure:
    """Draw one bar per label, cut into its parts in the order of `colours`; parts add up to 1."""
    figure = go.Figure()
    for name, colour in colours.items():
        rows = table.filter(pl.col(part) == name)
        shares = [value or 0 for value in rows[length]]
        dark = sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) < 450
        figure.add_bar(
            x=shares,
            y=[escape(value) for value in rows[label]],
            orientation="h",
            name=escape(name),
            marker={"color": colour},
            text=[f"{share:.0%}" if share >= 0.05 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "white" if dark else INK},
            meta=escape(name),
            hovertemplate="%{y}, %{meta}: %{x:.1%}<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    _x_axis(figure, unit, share=True)
    return _finish(figure, title, height=170 + 38 * table[label].n_unique())


def dots(
    table: pl.DataFrame,
    *,
    value: str,
    low: str,
    high: str,
    label: str,
    unit: str,
    ends: str,
    title: str,
    texts: Sequence[str],
) -> Figure:
    """Draw one dot with its interval per row, from top to bottom in the order of the table.

    `unit` names a column: rows of one unit share a panel and its axis, which the unit names.
    `ends` names the column with the two ends of that axis.
    """
    frame = table.with_columns(pl.Series("_text", list(texts), dtype=pl.String))
    units = table[unit].unique(maintain_order=True).to_list()
    heights = [18 + 44 * table.filter(pl.col(unit) == name).height for name in units]
    gap = 66  # pixels between panels, for the axis and its title
    height = sum(heights) + gap * max(0, len(units) - 1)
    figure = make_subplots(
        rows=max(1, len(units)),
        cols=1,
        row_heights=heights or None,
        vertical_spacing=gap / height if len(units) > 1 else 0,
    )
    for place, name in enumerate(units, start=1):
        rows = frame.filter(pl.col(unit) == name)
        figure.add_scatter(
            row=place,
            col=1,
            x=rows[value].to_list(),
            y=[escape(text) for text in rows[label]],
            mode="markers+text",
            marker={"size": 11, "color": COLOURS[0]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": _gap(rows, high, value),
                "arrayminus": _gap(rows, value, low),
                "color": COLOURS[0],
                "thickness": 2,
                "width": 5,
            },
            text=[escape(text) for text in rows["_text"]],
            textposition="top center",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
            showlegend=False,
        )
        figure.update_xaxes(title=escape(name), range=rows[ends][0].to_list(), row=place, col=1)
        figure.update_yaxes(
            autorange=False,
            range=[rows.height - 0.5, -0.7],
            showgrid=False,
            type="category",  # or "none", "1", "2 or more" would be read as numbers
            row=place,
            col=1,
        )
    return _finish(figure, title, height=140 + height)


def crosses(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    label: str,
    title: str,
    x_unit: str,
    y_unit: str,
    corners: tuple[str, str, str, str],
    highlight: Sequence[bool],
) -> Figure:
    """Draw one dot per row with its interval in both directions, and lines at the two means.

    The intervals stand in `<x>_low`, `<x>_high` and likewise for y. `corners` name what the dots
    in each corner have in common: top left, top right, bottom left, bottom right.
    """
    figure = go.Figure()
    bar = {"type": "data", "symmetric": False, "thickness": 1.2, "width": 4, "color": QUIET}
    figure.add_scatter(
        x=table[x].to_list(),
        y=table[y].to_list(),
        mode="markers+text",
        marker={"size": 11, "color": [ALARM if mark else COLOURS[0] for mark in highlight]},
        error_x=bar
        | {"array": _gap(table, f"{x}_high", x), "arrayminus": _gap(table, x, f"{x}_low")},
        error_y=bar
        | {"array": _gap(table, f"{y}_high", y), "arrayminus": _gap(table, y, f"{y}_low")},
        text=[escape(value) for value in table[label]],
        textposition="top right",
        cliponaxis=False,
        hovertemplate="%{text}: %{x}, %{y}<extra></extra>",
        showlegend=False,
    )
    for column, add in ((x, figure.add_vline), (y, figure.add_hline)):
        mean = table[column].mean()
        if mean is not None:
            add(mean, line={"color": QUIET, "dash": "dot"})
    for place, name in enumerate(corners):
        right, bottom = place % 2, place // 2
        figure.add_annotation(
            text=f"<i>{escape(name)}</i>",
            x=right,
            y=1 - bottom,
            xref="paper",
            yref="paper",
            xanchor="right" if right else "left",
            yanchor="bottom" if bottom else "top",
            font={"color": QUIET},
            showarrow=False,
        )
    figure.update_xaxes(title=escape(x_unit))
    figure.update_yaxes(title=escape(y_unit))
    for column, update in ((x, figure.update_xaxes), (y, figure.update_yaxes)):
        if "share" in column.split("_"):
            update(tickformat=".0%")
    return _finish(figure, title, height=520)


def curve(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    title: str,
    x_unit: str,
    y_unit: str,
    mark: tuple[float, str] | None = None,
    across: tuple[float, str] | None = None,
    stairs: bool = False,
) -> Figure:
    """Draw one line; `mark` is a labelled upright line, `across` a labelled level one.

    With `stairs` a value holds up to the next one, as of counts in whole steps.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=table[x].to_list(),
        y=table[y].to_list(),
        mode="lines",
        line={"color": COLOURS[0], "width": 2.5, "shape": "hv" if stairs else "linear"},
        hovertemplate="%{x}: %{y}<extra></extra>",
        showlegend=False,
    )
    if mark:
        figure.add_vline(
            x=mark[0], line={"color": ALARM, "dash": "dash"}, annotation_text=escape(mark[1])
        )
    if across:
        figure.add_hline(
            y=across[0], line={"color": QUIET, "dash": "dot"}, annotation_text=escape(across[1])
        )
    figure.update_xaxes(title=escape(x_unit), rangemode="tozero")
    figure.update_yaxes(title=escape(y_unit), rangemode="tozero")
    if "share" in y.split("_"):
        highest = max((value or 0 for value in table[y]), default=0)
        figure.update_yaxes(tickformat=".0%" if highest > 0.1 else ".1%")
    return _finish(figure, title, height=380)


def lines(
    table: pl.DataFrame,
    *,
    x: str,
    lines: dict[str, str],
    title: str,
    x_unit: str,
    y_unit: str,
    ends: dict[str, tuple[str, str]] | None = None,
    dotted: Sequence[str] = (),
) -> Figure:
    """Draw several lines over one axis, each named in the legend.

    `lines` gives the name of each column that is drawn; `ends` names the two columns with the ends
    of its interval, drawn as whiskers; the columns in `dotted` are drawn as dotted lines.
    """
    figure = go.Figure()
    across = table[x].to_list()
    for place, (column, name) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        whisker = None
        if ends and column in ends:
            low, high = ends[column]
            whisker = {
                "type": "data",
                "symmetric": False,
                "array": _gap(table, high, column),
                "arrayminus": _gap(table, column, low),
                "color": colour,
                "thickness": 1.4,
                "width": 4,
            }
        figure.add_scatter(
            x=[escape(value) if isinstance(value, str) else value for value in across],
            y=table[column].to_list(),
            mode="lines+markers" if table.height <= 30 else "lines",
            name=escape(name),
            line={"color": colour, "width": 2.5, "dash": "dot" if column in dotted else "solid"},
            error_y=whisker,
            meta=escape(name),
            hovertemplate="%{meta}, %{x}: %{y}<extra></extra>",
        )
    figure.update_xaxes(title=escape(x_unit), rangemode="tozero")
    figure.update_yaxes(title=escape(y_unit), rangemode="tozero")
    if table[x].dtype == pl.String:
        figure.update_xaxes(type="category")  # or "0", "1", "2 or more" would be read as numbers
    if "share" in x.split("_"):
        figure.update_xaxes(tickformat=".0%")
    if all("share" in column.split("_") for column in lines):
        figure.update_yaxes(tickformat=".0%")
    return _finish(figure, title, height=400)


def control(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    centre: str,
    low: str,
    high: str,
    panel: str,
    marked: str,
    pale: Sequence[bool],
    outside: Sequence[bool],
    title: str,
    x_unit: str,
    y_unit: str,
) -> Figure:
    """Draw control charts under each other: one panel per value of `panel`, all on one scale.

    Each shows the values as a line, their `centre` and limits, rows `outside` of them as diamonds,
    stretches whose `marked` is not 0 on a tinted ground, and `pale` rows as open circles off the
    line: those are not judged.
    """
    frame = table.with_columns(
        pl.Series("_pale", list(pale), dtype=pl.Boolean),
        pl.Series("_outside", list(outside), dtype=pl.Boolean),
    )
    panels = frame[panel].unique(maintain_order=True).to_list()
    gap = 44  # pixels between panels, for their names
    height = 170 * len(panels) + gap * (len(panels) - 1)
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        shared_yaxes="all",
        vertical_spacing=gap / height if len(panels) > 1 else 0,
        subplot_titles=[escape(name) for name in panels],
    )
    named: set[str] = set()  # the marks that the legend explains already
    for place, name in enumerate(panels, start=1):
        rows, legend = frame.filter(pl.col(panel) == name), place == 1
        judged = rows.with_columns(pl.when(~pl.col("_pale")).then(y).alias(y))
        across = [str(value) for value in rows[x]]
        step = {"mode": "lines", "row": place, "col": 1, "showlegend": legend, "x": across}
        dashed = {"color": QUIET, "dash": "dot", "width": 1.2, "shape": "hvh"}
        for column, text in ((low, "limits"), (high, "limits")):
            figure.add_scatter(
                y=rows[column].to_list(),
                line=dashed,
                name=text,
                hoverinfo="skip",
                **{**step, "showlegend": legend and column == low},
            )
        figure.add_scatter(
            y=rows[centre].to_list(),
            line={"color": QUIET, "width": 1.2},
            name="centre",
            hoverinfo="skip",
            **step,
        )
        figure.add_scatter(
            y=judged[y].to_list(),
            line={"color": COLOURS[0], "width": 1.8},
            name=escape(y_unit),
            meta=escape(name),
            hovertemplate="%{meta}, %{x}: %{y:.1%}<extra></extra>",
            **step,
        )
        for rule, text, mark in (
            (pl.col("_outside"), "outside of the limits", {"symbol": "diamond", "color": ALARM}),
            (pl.col("_pale"), "not finished", {"symbol": "circle-open", "color": QUIET}),
        ):
            some = rows.filter(rule & pl.col(y).is_not_null())
            figure.add_scatter(
                x=[str(value) for value in some[x]],
                y=some[y].to_list(),
                mode="markers",
                marker={"size": 8, **mark},
                name=text,
                legendgroup=text,
                showlegend=bool(some.height) and text not in named,
                meta=escape(name),
                hovertemplate="%{meta}, %{x}: %{y:.1%} (%{fullData.name})<extra></extra>",
                row=place,
                col=1,
            )
            named |= {text} if some.height else set()
        for number in sorted(set(rows[marked]) - {0}):
            inside = rows.filter(pl.col(marked) == number)[x]
            half = (rows[x][1] - rows[x][0]) / 2 if rows.height > 1 else 0
            figure.add_vrect(
                x0=str(inside.min() - half),  # type: ignore[operator]
                x1=str(inside.max() + half),  # type: ignore[operator]
                fillcolor=ALARM,
                opacity=0.14,
                line_width=0,
                row=place,
                col=1,
            )
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "weight": 600})
    figure.update_xaxes(type="date")
    figure.update_xaxes(title=escape(x_unit), row=len(panels), col=1)
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": -64 / height, "yanchor": "top"})
    figure.update_layout(margin={"t": 104, "b": 96})
    return _finish(figure, title, height=200 + height)


_MANY = 8  # columns of a matrix whose titles fit side by side


def heat(
    table: pl.DataFrame, *, x: str, y: str, colour: str, colours: dict[str, str], title: str
) -> Figure:
    """Draw a matrix of words: one cell per row of the table, coloured by the word in it."""
    columns = table[x].unique(maintain_order=True).to_list()
    rows = table[y].unique(maintain_order=True).to_list()
    cells = {(row[y], row[x]): row[colour] for row in table.iter_rows(named=True)}
    names = list(colours)
    words = [[cells.get((row, column), "") for column in columns] for row in rows]
    steps = max(1, len(names) - 1)
    many = len(columns) > _MANY  # side by side their titles would run into each other
    figure = go.Figure()
    figure.add_heatmap(
        z=[[names.index(word) if word in names else None for word in line] for line in words],
        x=[escape(column) if many else _narrow(column) for column in columns],
        y=[escape(row) for row in rows],
        text=[[escape(word) for word in line] for line in words],
        texttemplate="%{text}",
        textfont={"size": 12},
        hovertemplate="%{y} × %{x}: %{text}<extra></extra>",
        colorscale=[[i / steps, colours[name]] for i, name in enumerate(names)],
        zmin=0,
        zmax=steps,
        showscale=False,
        xgap=3,
        ygap=3,
    )
    figure.update_xaxes(side="top", showgrid=False, tickangle=-90 if many else 0, type="category")
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    top = 220 if many else 120
    figure.update_layout(margin={"t": top})
    figure = _finish(figure, title, height=50 + top + 34 * len(rows))
    if many:  # the title stands above them, not in the middle of the margin
        figure.update_layout(title={"y": 0.99, "yref": "container", "yanchor": "top"})
    return figure


def _narrow(title: str) -> str:
    """Return a column's title in lines of few words, so that neighbours do not touch."""
    lines = wrap(title, 10, break_long_words=False, break_on_hyphens=False)
    parts = [part for line in lines for part in wrap(line, 16, break_on_hyphens=False)]
    return "<br>".join(escape(part) for part in parts)


def matrix(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    value: str,
    texts: Sequence[str],
    title: str,
    x_unit: str,
    y_unit: str,
) -> Figure:
    """Draw a matrix of shares: one cell per row of the table, darker the larger its `value`.

    `texts` stand in the cells; `x_unit` and `y_unit` say what the columns and rows are.
    """
    columns = table[x].unique(maintain_order=True).to_list()
    rows = table[y].unique(maintain_order=True).to_list()
    places = list(zip(table[y], table[x], strict=True))
    values = dict(zip(places, table[value], strict=True))
    written = dict(zip(places, texts, strict=True))
    many = len(columns) > _MANY
    figure = go.Figure()
    figure.add_heatmap(
        z=[[values.get((row, column)) for column in columns] for row in rows],
        x=[escape(column) for column in columns],
        y=[escape(row) for row in rows],
        text=[[escape(written.get((row, column), "")) for column in columns] for row in rows],
        texttemplate="%{text}",
        textfont={"size": 13},
        hovertemplate="%{y} → %{x}: %{text} (%{z:.1%})<extra></extra>",
        # light enough at its darkest that the ink of the texts can be read
        colorscale=[[0, "#FFFFFF"], [1, "#6DB6E3"]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(
        side="top",
        showgrid=False,
        tickangle=-90 if many else 0,
        type="category",
        title=escape(x_unit),
    )
    figure.update_yaxes(
        autorange="reversed",
        showgrid=False,
        type="category",
        title={"text": escape(y_unit), "standoff": 18},
    )
    top = 220 if many else 140
    figure.update_layout(margin={"t": top})
    figure = _finish(figure, title, height=60 + top + 40 * len(rows))
    if many:  # as in `heat`
        figure.update_layout(title={"y": 0.99, "yref": "container", "yanchor": "top"})
    return figure


def sankey(
    table: pl.DataFrame,
    *,
    layer: str,
    source: str,
    target: str,
    value: str,
    title: str,
    unit: str,
) -> Figure:
    """Draw flows from left to right: one band per row, from a name in `layer` to one in the next.

    A name stands once in each layer, with what comes there beside it, so that the drawing can be
    read without colour. It has no keys to move by: the table beneath it holds the same numbers.
    """
    into: dict[tuple[int, str], int] = {}
    out: dict[tuple[int, str], int] = {}
    for row in table.iter_rows(named=True):
        start, stop = (row[layer], row[source]), (row[layer] + 1, row[target])
        out[start] = out.get(start, 0) + row[value]
        into[stop] = into.get(stop, 0) + row[value]
    nodes = list(dict.fromkeys([*out, *into]))
    size = {node: max(into.get(node, 0), out.get(node, 0)) for node in nodes}
    nodes.sort(key=lambda node: (node[0], -size[node], node[1]))
    place = {node: number for number, node in enumerate(nodes)}
    layers = [node[0] for node in nodes]
    figure = go.Figure()
    figure.add_sankey(
        arrangement="snap",
        valueformat=",",
        valuesuffix=f" {escape(unit)}",
        textfont={"size": 13, "color": INK},
        node={
            "label": [f"{escape(name)} · {size[at, name]:,}" for at, name in nodes],
            "color": [COLOURS[0] if (at, name) in out else QUIET for at, name in nodes],
            "align": "left",  # what ends early stays where it ends
            "pad": 22,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [
                place[at, name] for at, name in zip(table[layer], table[source], strict=True)
            ],
            "target": [
                place[at + 1, name] for at, name in zip(table[layer], table[target], strict=True)
            ],
            "value": table[value].to_list(),
            "color": "rgba(0, 114, 178, 0.22)",
            "hovertemplate": "%{source.label} → %{target.label}: %{value}<extra></extra>",
        },
    )
    most = max((layers.count(at) for at in set(layers)), default=1)
    return _finish(figure, title, height=170 + 52 * most)


def areas(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    part: str,
    colours: dict[str, str],
    title: str,
    unit: str,
) -> Figure:
    """Draw parts that add up, over time: bands from the bottom up in the order of `colours`.

    A band that is wide enough at its end carries its name there.
    """
    figure = go.Figure()
    last = table.filter(pl.col(x) == pl.col(x).max())
    ends = dict(zip(last[part], last[y], strict=True))
    total, below = sum(ends.values()), 0.0
    for name, colour in colours.items():
        rows = table.filter(pl.col(part) == name)
        figure.add_scatter(
            x=[str(value) for value in rows[x]],
            y=rows[y].to_list(),
            name=escape(name),
            mode="lines",
            line={"color": colour, "width": 0.8},
            fillcolor=colour,
            stackgroup="parts",
            meta=escape(name),
            hovertemplate="%{x}, %{meta}: %{y:,}<extra></extra>",
        )
        end = ends.get(name, 0)
        if total and end >= 0.04 * total:
            figure.add_annotation(
                x=1,
                xref="paper",
                xanchor="left",
                y=below + end / 2,
                text=escape(name),
                showarrow=False,
            )
        below += end
    figure.update_layout(legend={"traceorder": "normal"}, margin={"r": 90})
    figure.update_xaxes(type="date", showgrid=False)
    figure.update_yaxes(title=escape(unit), rangemode="tozero")
    return _finish(figure, title, height=420)


def curves(
    table: pl.DataFrame,
    *,
    x: str,
    y: str,
    line: str,
    title: str,
    x_unit: str,
    y_unit: str,
    mark: tuple[float, str] | None = None,
) -> Figure:
    """Draw one line per value of `line`, each with a stroke of its own; `mark` as in `curve`."""
    figure = go.Figure()
    strokes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px,2px,1px,2px")
    for place, name in enumerate(table[line].unique(maintain_order=True)):
        rows = table.filter(pl.col(line) == name)
        figure.add_scatter(
            x=rows[x].to_list(),
            y=rows[y].to_list(),
            name=escape(name),
            mode="lines",
            line={
                "color": COLOURS[place % len(COLOURS)],
                "dash": strokes[place % len(strokes)],
                "width": 2.2,
            },
            meta=escape(name),
            hovertemplate="%{meta}, %{x}: %{y:.1%}<extra></extra>",
            showlegend=True,
        )
    if mark:
        figure.add_vline(
            x=mark[0], line={"color": QUIET, "dash": "dot"}, annotation_text=escape(mark[1])
        )
    figure.update_xaxes(title=escape(x_unit), rangemode="tozero")
    figure.update_yaxes(title=escape(y_unit), rangemode="tozero")
    if "share" in y.split("_"):
        highest = max((value or 0 for value in table[y]), default=0)
        figure.update_yaxes(tickformat=".0%" if highest > 0.1 else ".1%")
    return _finish(figure, title, height=420)


def lanes(table: pl.DataFrame, *, x: str, lane: str, text: str, title: str, unit: str) -> Figure:
    """Draw what happened when: one lane per value of `lane`, one labelled mark per row."""
    names = table[lane].unique(maintain_order=True).to_list()
    figure = go.Figure()
    figure.add_scatter(
        x=[str(value) for value in table[x]],
        y=[escape(name) for name in table[lane]],
        mode="markers+text",
        marker={"size": 9, "color": COLOURS[0]},
        text=[escape(value) for value in table[text]],
        # neighbours would write over each other, so labels stand above and below in turn
        textposition=["top center" if n % 2 else "bottom center" for n in range(table.height)],
        textfont={"size": 11},
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title=escape(unit), type="date")
    figure.update_yaxes(autorange="reversed", type="category")
    return _finish(figure, title, height=150 + 62 * max(1, len(names)))


_LABELS = 96  # pixels left of the columns of `bands`, for the names of the rows
_LINE = 15  # pixels per line of its text
_STROKES = {  # the lines of `bands`: colour, width, dash
    "rule": (LINE, 1, "solid"),
    "edge": (LINE, 1, "dot"),
    "track": ("#ECEEF1", 7, "solid"),
    "bar": (COLOURS[0], 7, "solid"),
    "alarm": (ALARM, 7, "solid"),
    "flag": (ALARM, 4, "solid"),
    "whisker": (INK, 1.5, "solid"),
}


class _Sheet:
    """What is drawn and written on a map, gathered: one trace per stroke, and one of all texts."""

    def __init__(self) -> None:
        self.strokes: dict[str, tuple[list[float | None], list[float | None]]] = {
            name: ([], []) for name in _STROKES
        }
        self.texts: list[tuple[float, float, str, str, float, str]] = []
        self.labels: list[dict[str, Any]] = []  # of the rows, in the margin
        self.shapes: list[dict[str, Any]] = []

    def line(self, stroke: str, x: float, y: float, to_x: float, to_y: float) -> None:
        across, down = self.strokes[stroke]
        across += [round(x, 4), round(to_x, 4), None]
        down += [y, to_y, None]

    def write(
        self, x: float, y: float, text: str, *, size: float = 12, colour: str = INK,
        place: str = "bottom right",
    ) -> None:  # fmt: skip
        self.texts.append((round(x, 4), round(y, 1), text, place, size, colour))

    def label(self, y: float, text: str, *, size: int = 12, colour: str = INK) -> None:
        self.labels.append(
            {
                "x": 0, "xref": "paper", "xshift": -_LABELS, "y": y, "text": text, "align": "left",
                "xanchor": "left", "yanchor": "top", "showarrow": False,
                "font": {"size": size, "color": colour},
            }
        )  # fmt: skip

    def ground(self, x: float, y: float, to_x: float, to_y: float, colour: str) -> None:
        self.shapes.append(
            {
                "type": "rect", "x0": x, "y0": y, "x1": to_x, "y1": to_y, "layer": "below",
                "line": {"width": 0}, "fillcolor": colour,
            }
        )  # fmt: skip

    def draw(self, figure: Figure) -> None:
        for name, (across, down) in self.strokes.items():
            colour, width, dash = _STROKES[name]
            if across:
                figure.add_scatter(
                    x=across, y=down, mode="lines", hoverinfo="skip", showlegend=False,
                    line={"color": colour, "width": width, "dash": dash},
                )  # fmt: skip
        x, y, text, place, size, colours = zip(*self.texts, strict=True)
        figure.add_scatter(
            x=x, y=y, text=text, mode="text", textposition=place, cliponaxis=False,
            textfont={"size": size, "color": colours}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.update_layout(shapes=self.shapes, annotations=self.labels)


def bands(table: pl.DataFrame, *, title: str) -> Figure:
    """Draw a map: columns as a ribbon of steps, and below it bands of bars, words and one curve.

    One row of the table per cell: column, band, kind (bars, curve or words), text, more (a second,
    quieter text), at, low and high (places from 0 to 1; null: nothing is known), middle (of a
    curve: the place between bad and good), marked (stands out) and hover. Columns and bands stand
    in the order of the table. A cell without a text says "no data".
    """
    columns = table["column"].unique(maintain_order=True).to_list()
    many = max(1, len(columns))
    wide = int(max(10, (640 / many - 12) / 6))  # characters that fit in the column of a report
    figure, sheet = go.Figure(), _Sheet()
    hovers: list[tuple[float, float, str]] = []
    curves: list[go.Scatter] = []
    _ribbon(columns, sheet, wide)
    top = 58.0
    for name in table["band"].unique(maintain_order=True):
        rows = table.filter(pl.col("band") == name).to_dicts()
        kind, heading = rows[0]["kind"], _lines(name, 13)
        texts = [_lines(row["text"], wide) for row in rows]
        more = [_lines(row["more"], wide + 1) for row in rows]
        height = max(_band_height(kind, texts, more), 16.0 * len(heading) + 14)
        sheet.line("rule", 0, top, many, top)
        sheet.label(top + 8, f"<b>{'<br>'.join(heading)}</b>")
        if kind == "curve":
            curves.append(_curve_band(sheet, rows, top, height))
        for x, row in enumerate(rows):
            hovers.append((x + 0.5, top + height / 2, _hover(row, columns[x])))
            if row["text"] is None:
                y = top + (height / 2 - 8 if kind == "curve" else 10)
                sheet.write(x + 0.04, y, "no data", size=11, colour=QUIET)
            elif kind != "curve":
                _words_cell(sheet, row, x, top, texts[x], more[x])
        top += height
    for x in range(1, many):
        sheet.line("edge", x, 50, x, top)
    sheet.draw(figure)
    figure.add_traces(curves)
    figure.add_scatter(
        x=[x for x, _, _ in hovers],
        y=[y for _, y, _ in hovers],
        mode="markers",
        marker={"size": 44, "opacity": 0, "symbol": "square"},
        hovertext=[text for _, _, text in hovers],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(range=[0, many], visible=False, fixedrange=True)
    figure.update_yaxes(range=[top + 4, 0], visible=False, fixedrange=True)
    figure.update_layout(
        margin={"l": _LABELS + 14, "r": 14, "t": 70, "b": 10, "pad": 0},
        hoverlabel={"align": "left"},
    )
    return _finish(figure, title, height=int(top) + 84)


def _ribbon(columns: list[str], sheet: _Sheet, wide: int) -> None:
    """Draw the columns as arrows that lead into each other."""
    tip = 0.09
    for x, name in enumerate(columns):
        notch = tip if x else 0
        path = (
            f"M {x},0 L {x + 0.985 - tip},0 L {x + 0.985},23 L {x + 0.985 - tip},46 "
            f"L {x},46 L {x + notch},23 Z"
        )
        sheet.shapes.append(
            {"type": "path", "path": path, "fillcolor": "#1F4E79", "line": {"width": 0},
             "layer": "below"}
        )  # fmt: skip
        text = f"<b>{'<br>'.join(_lines(name, max(8, wide - 3))[:2])}</b>"
        sheet.write(x + 0.5, 23, text, size=13, colour="white", place="middle center")


def _band_height(kind: str, texts: list[list[str]], more: list[list[str]]) -> float:
    if kind == "curve":
        return 132
    lines = max((len(a) for a in texts), default=1) or 1
    small = max((len(b) for b in more), default=0)
    return 18 + (12 if kind == "bars" else 0) + _LINE * lines + 14 * small


def _words_cell(
    sheet: _Sheet, row: dict[str, Any], x: int, top: float, texts: list[str], more: list[str]
) -> None:
    """Write one cell; of bars the bar stands under its text."""
    strong = row["kind"] == "bars" and row["at"] is not None
    text = f"{'▲ ' * (row['marked'] and strong)}{'<br>'.join(texts)}"
    flagged = row["marked"] and not strong
    sheet.write(
        x + (0.075 if flagged else 0.04), top + 10, f"<b>{text}</b>" if strong else text,
        size=13 if strong else 11.5, colour="#A34200" if row["marked"] else INK,
    )  # fmt: skip
    y = top + 12 + _LINE * max(1, len(texts))
    if flagged:
        sheet.line("flag", x + 0.04, top + 8, x + 0.04, y)
    if strong:
        start, size = x + 0.06, 0.86
        sheet.line("track", start, y + 4, start + size, y + 4)
        if row["at"]:
            stroke = "alarm" if row["marked"] else "bar"
            sheet.line(stroke, start, y + 4, start + size * row["at"], y + 4)
        if row["low"] is not None and row["high"] is not None:
            ends = [start + size * row[end] for end in ("low", "high")]
            sheet.line("whisker", ends[0], y + 4, ends[1], y + 4)
        y += 12
    if more:
        sheet.write(x + 0.04, y + (3 if strong else 0), "<br>".join(more), size=11, colour=QUIET)


def _curve_band(sheet: _Sheet, rows: list[dict[str, Any]], top: float, height: float) -> go.Scatter:
    """Draw the curve of one band from low (bad) to high (good), with its intervals."""
    low, high = top + height - 20, top + 30

    def level(at: float | None) -> float | None:
        return None if at is None else round(low - at * (low - high), 2)

    many, middle = len(rows), level(rows[0]["middle"]) or low
    sheet.ground(0, top + 1, many, middle, "#EEF5FA")
    sheet.ground(0, middle, many, top + height - 1, "#FBF0E9")
    sheet.label(middle - 17, "good ↑", size=11, colour=QUIET)
    sheet.label(middle + 3, "bad ↓", size=11, colour=QUIET)
    y = [level(row["at"]) for row in rows]
    for x, (one, row) in enumerate(zip(y, rows, strict=True)):
        if one is None:
            continue
        up, down = level(row["high"]), level(row["low"])
        if up is not None and down is not None:
            sheet.line("whisker", x + 0.5, up, x + 0.5, down)
            for end in (up, down):
                sheet.line("whisker", x + 0.47, end, x + 0.53, end)
        text = f"<b>{escape(row['text'])}</b> {escape(row['more'] or '')}"
        sheet.write(x + 0.5, (up or one) - 4, text, place="top center")
    return go.Scatter(
        x=[x + 0.5 for x in range(many)],
        y=y,
        mode="lines+markers",
        connectgaps=False,
        line={"color": COLOURS[0], "width": 3, "shape": "spline"},
        marker={"size": 13, "color": [ALARM if row["marked"] else COLOURS[0] for row in rows],
                "line": {"color": "white", "width": 2}},
        hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip


def _lines(text: str | None, wide: int) -> list[str]:
    """Return a text in lines that fit, every one escaped; a number keeps its unit."""
    together = (text or "").replace(" %", "\u00a0%")
    whole = wrap(together, wide, break_long_words=False, break_on_hyphens=False)
    return [escape(part) for line in whole for part in wrap(line, wide + 3)]


def _hover(row: dict[str, Any], column: str) -> str:
    told = row["hover"] or row["text"] or "no data"
    lines = "<br>".join(escape(line) for line in wrap(told, 60))
    return f"<b>{escape(column)} · {escape(row['band'])}</b><br>{lines}"


def nothing(title: str) -> Figure:
    """Draw the empty chart of a question that the data cannot answer."""
    figure = go.Figure()
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text="no data", showarrow=False, font={"size": 20, "color": QUIET})
    return _finish(figure, title, height=220)


def only(figure: Figure, chosen: str) -> Figure:
    """Say under the title of whom alone a chart speaks: ' with device mobile since 2026-01-31'."""
    lines = wrap(f"Only{chosen}", 110)
    told = "<br>".join(escape(line) for line in lines)
    room, layout = 19 * len(lines), figure.layout
    top = layout.margin.t if layout.margin.t is not None else _TOP
    figure.update_layout(
        title={"text": f'{layout.title.text}<br><span style="font-size:13px">{told}</span>'},
        margin={"t": top + room},
        height=None if layout.height is None else layout.height + room,
    )
    return figure


def _finish(figure: Figure, title: str, *, height: int) -> Figure:
    lines = "<br>".join(escape(line) for line in wrap(title, 88))
    figure.update_layout(title={"text": f"<b>{lines}</b>", "font": {"size": 16}}, height=height)
    return figure


def _gap(table: pl.DataFrame, upper: str, lower: str) -> list[float | None]:
    return (table[upper] - table[lower]).clip(0).to_list()


def _x_axis(figure: Figure, unit: str, *, share: bool) -> None:
    figure.update_xaxes(title=escape(unit), rangemode="tozero")
    if share:
        figure.update_xaxes(tickformat=".0%")
