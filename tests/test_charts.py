"""Drawings: what is in the table is in the figure, and nothing in it is live."""

import polars as pl
import pytest

from cxkit import charts

TABLE = pl.DataFrame(
    {
        "name": ["a", "<b>"],
        "share": [0.5, 0.2],
        "share_low": [0.4, 0.1],
        "share_high": [0.6, 0.4],
        "unit": ["points", "%"],
        "part": ["good", "bad"],
        "ends": [[-1, 1], [0, 1]],
    }
)


def test_bars_show_length_interval_and_text():
    figure = charts.bars(
        TABLE,
        length="share",
        low="share_low",
        high="share_high",
        label="name",
        title="A title",
        unit="share of all",
        texts=["5", "2"],
        highlight=[False, True],
    )
    bars, texts = figure.data
    assert list(bars.x) == [0.5, 0.2]
    assert list(bars.y) == ["a", "&lt;b&gt;"]
    assert list(bars.error_x.array) == pytest.approx([0.1, 0.2])
    assert list(bars.error_x.arrayminus) == pytest.approx([0.1, 0.1])
    assert list(bars.marker.color) == [charts.COLOURS[0], charts.ALARM]
    assert list(texts.x) == [0.6, 0.4]  # right of the whiskers
    assert [text.strip() for text in texts.text] == ["5", "2"]
    assert figure.layout.xaxis.title.text == "share of all"
    assert figure.layout.xaxis.tickformat == ".0%"


def test_bars_side_by_side_have_one_colour_per_group():
    figure = charts.bars(
        TABLE, length="share", label="name", group="part", title="t", unit="u", texts=["5", "2"]
    )
    assert [bar.name for bar in figure.data] == ["good", "bad"]
    assert figure.data[0].marker.color != figure.data[1].marker.color


def test_lines_are_named_and_carry_their_whiskers():
    figure = charts.lines(
        TABLE,
        x="name",
        lines={"share": "what <was>", "share_high": "what might be"},
        ends={"share": ("share_low", "share_high")},
        dotted=["share_high"],
        title="t",
        x_unit="a < b",
        y_unit="share of all",
    )
    one, other = figure.data
    assert list(one.x) == ["a", "&lt;b&gt;"]
    assert list(one.y) == [0.5, 0.2]
    assert one.name == "what &lt;was&gt;"
    assert list(one.error_y.array) == pytest.approx([0.1, 0.2])
    assert list(one.error_y.arrayminus) == pytest.approx([0.1, 0.1])
    assert other.error_y.array is None
    assert [line.line.dash for line in figure.data] == ["solid", "dot"]
    assert one.line.color != other.line.color
    assert figure.layout.yaxis.tickformat == ".0%"
    assert figure.layout.xaxis.title.text == "a &lt; b"
    assert figure.layout.xaxis.type == "category"


def test_dots_of_one_unit_share_an_axis():
    figure = charts.dots(
        TABLE,
        value="share",
        low="share_low",
        high="share_high",
        label="name",
        unit="unit",
        ends="ends",
        title="t",
        texts=["5", "2"],
    )
    assert [list(dot.x) for dot in figure.data] == [[0.5], [0.2]]
    assert figure.layout.xaxis.title.text == "points"
    assert figure.layout.xaxis2.title.text == "%"
    assert figure.layout.xaxis.range == (-1, 1)


def test_crosses_have_an_interval_each_way_and_lines_at_the_means():
    table = pl.DataFrame(
        {
            "name": ["<Price>", "Speed"],
            "mood_share": [0.2, 0.6], "mood_share_low": [0.1, 0.5], "mood_share_high": [0.4, 0.7],
            "part": [1.0, 3.0], "part_low": [0.5, 2.0], "part_high": [2.0, 3.5],
        }
    )  # fmt: skip
    figure = charts.crosses(
        table,
        x="mood_share",
        y="part",
        label="name",
        title="Map",
        x_unit="mood",
        y_unit="part",
        corners=("a", "b", "c", "d"),
        highlight=[True, False],
    )
    [dots] = figure.data
    assert list(dots.text) == ["&lt;Price&gt;", "Speed"]
    assert list(dots.error_x.array) == pytest.approx([0.2, 0.1])
    assert list(dots.error_y.arrayminus) == pytest.approx([0.5, 1.0])
    upright, level = figure.layout.shapes
    assert (upright.x0, level.y0) == (pytest.approx(0.4), 2.0)
    assert figure.layout.xaxis.tickformat == ".0%"
    assert figure.layout.yaxis.tickformat is None
    corners = {note.text: (note.x, note.y) for note in figure.layout.annotations}
    assert corners == {
        "<i>a</i>": (0, 1), "<i>b</i>": (1, 1), "<i>c</i>": (0, 0), "<i>d</i>": (1, 0),
    }  # fmt: skip


def test_an_interval_beside_its_value_has_no_negative_whisker():
    table = TABLE.with_columns(share_high=pl.lit(0.4))
    figure = charts.dots(
        table,
        value="share",
        low="share_low",
        high="share_high",
        label="name",
        unit="part",
        ends="ends",
        title="t",
        texts=["5", "2"],
    )
    assert list(figure.data[0].error_x.array) == [0]


def test_stacked_parts_stand_in_the_given_order():
    figure = charts.stacked(
        TABLE,
        length="share",
        label="name",
        part="part",
        colours={"bad": "#D55E00", "good": "#9CCBEA"},
        title="t",
        unit="u",
    )
    assert [(bar.name, list(bar.x)) for bar in figure.data] == [("bad", [0.2]), ("good", [0.5])]
    assert [bar.textfont.color for bar in figure.data] == ["white", charts.INK]


def test_a_curve_is_marked():
    table = pl.DataFrame({"day": [0, 1], "back_share": [0.9, 0.1]})
    figure = charts.curve(
        table, x="day", y="back_share", title="t", x_unit="days", y_unit="u", mark=(1, "<here>")
    )
    assert list(figure.data[0].y) == [0.9, 0.1]
    assert figure.layout.shapes[0].x0 == 1
    assert figure.layout.annotations[0].text == "&lt;here&gt;"
    assert figure.layout.yaxis.tickformat == ".0%"


def test_a_matrix_of_words_leaves_unnamed_cells_empty():
    figure = charts.heat(
        TABLE,
        x="part",
        y="name",
        colour="unit",
        colours={"points": "#009E73", "%": "#D55E00"},
        title="t",
    )
    cells = figure.data[0]
    assert [list(line) for line in cells.text] == [["points", ""], ["", "%"]]
    assert [list(line) for line in cells.z] == [[0, None], [None, 1]]


def test_titles_of_columns_are_narrow():
    """Side by side they must not run into each other: one word a line, unless two are short."""
    told = {"Evening share": "much lower", "identity_links: go": "", "a b c": ""}
    table = pl.DataFrame({"x": list(told), "y": ["who"] * 3, "word": list(told.values())})
    figure = charts.heat(table, x="x", y="y", colour="word", colours={"": "#FFFFFF"}, title="t")
    assert list(figure.data[0].x) == ["Evening<br>share", "identity_links:<br>go", "a b c"]
    assert figure.layout.xaxis.tickangle == 0
    many = pl.DataFrame({"x": [f"question {n}" for n in range(9)], "y": "who", "word": ""})
    figure = charts.heat(many, x="x", y="y", colour="word", colours={"": "#FFFFFF"}, title="t")
    assert figure.data[0].x[0] == "question 0"
    assert figure.layout.xaxis.tickangle == -90


def test_a_matrix_of_shares_has_a_cell_per_row():
    figure = charts.matrix(
        TABLE,
        x="part",
        y="name",
        value="share",
        texts=["5", "<2>"],
        title="t",
        x_unit="part",
        y_unit="<name>",
    )
    cells = figure.data[0]
    assert [list(line) for line in cells.z] == [[0.5, None], [None, 0.2]]
    assert [list(line) for line in cells.text] == [["5", ""], ["", "&lt;2&gt;"]]
    assert list(cells.y) == ["a", "&lt;b&gt;"]
    assert figure.layout.yaxis.title.text == "&lt;name&gt;"


def test_areas_stack_in_the_given_order_and_carry_their_names():
    table = pl.DataFrame(
        {"day": [1, 1, 2, 2], "part": ["top", "<low>"] * 2, "people": [1, 2, 30, 10]}
    )
    figure = charts.areas(
        table,
        x="day",
        y="people",
        part="part",
        colours={"<low>": "#0072B2", "top": "#D55E00"},
        title="t",
        unit="people",
    )
    assert [(band.name, list(band.y)) for band in figure.data] == [
        ("&lt;low&gt;", [2, 10]),
        ("top", [1, 30]),
    ]
    assert {band.stackgroup for band in figure.data} == {"parts"}
    names = [(note.text, note.y) for note in figure.layout.annotations]
    assert names == [("&lt;low&gt;", 5), ("top", 25)]  # in the middle of each band's end


def test_curves_differ_in_colour_and_stroke():
    table = pl.DataFrame({"day": [0, 1, 0], "line": ["a", "a", "<b>"], "share": [0.0, 0.4, 0.1]})
    figure = charts.curves(
        table,
        x="day",
        y="share",
        line="line",
        title="t",
        x_unit="d",
        y_unit="u",
        mark=(1, "<here>"),
    )
    assert [(one.name, list(one.y)) for one in figure.data] == [
        ("a", [0, 0.4]),
        ("&lt;b&gt;", [0.1]),
    ]
    assert figure.data[0].line.color != figure.data[1].line.color
    assert figure.data[0].line.dash != figure.data[1].line.dash
    assert figure.layout.annotations[0].text == "&lt;here&gt;"
    assert figure.layout.yaxis.tickformat == ".0%"


def test_nothing_to_draw_says_so():
    figure = charts.nothing("No survey yet <b>")
    assert figure.layout.title.text == "<b>No survey yet &lt;b&gt;</b>"
    assert figure.layout.annotations[0].text == "no data"


def test_the_button_that_uploads_data_is_off():
    bundle = charts.mime_bundle(charts.nothing("t"))
    assert bundle["application/vnd.plotly.v1+json"]["config"]["showSendToCloud"] is False


def test_flows_stand_in_layers_and_name_what_comes_there():
    table = pl.DataFrame(
        {
            "layer": [0, 0, 1, 1],
            "from": ["<a>", "<a>", "b", "b"],
            "to": ["b", "end", "<a>", "end"],
            "count": [5, 1200, 2, 3],
        }
    )
    figure = charts.sankey(
        table, layer="layer", source="from", target="to", value="count", title="t", unit="visits"
    )
    flow = figure.data[0]
    assert list(flow.node.label) == [
        "&lt;a&gt; · 1,205", "end · 1,200", "b · 5", "end · 3", "&lt;a&gt; · 2",
    ]  # fmt: skip
    labels = flow.node.label
    told = [(labels[s], labels[t]) for s, t in zip(flow.link.source, flow.link.target, strict=True)]
    assert told == [
        ("&lt;a&gt; · 1,205", "b · 5"),
        ("&lt;a&gt; · 1,205", "end · 1,200"),
        ("b · 5", "&lt;a&gt; · 2"),  # the same name again, a layer further on
        ("b · 5", "end · 3"),
    ]
    assert list(flow.link.value) == [5, 1200, 2, 3]
    assert flow.valuesuffix == " visits" and flow.node.align == "left"


def test_many_columns_of_a_matrix_stand_upright():
    table = pl.DataFrame({"x": [f"c{n}" for n in range(9)], "y": "row", "share": 0.1})
    figure = charts.matrix(
        table, x="x", y="y", value="share", texts=["10%"] * 9, title="t", x_unit="u", y_unit="v"
    )
    assert figure.layout.xaxis.tickangle == -90


def test_a_control_chart_marks_breaks_outliers_and_what_is_not_finished():
    weeks = pl.date_range(pl.date(2026, 1, 5), pl.date(2026, 2, 2), "1w", eager=True)
    table = pl.DataFrame(
        {
            "week": [*weeks, *weeks],
            "share": [0.5, 0.5, 0.1, 0.1, 0.2] * 2,
            "centre": 0.5,
            "low": 0.3,
            "high": 0.7,
            "segment": ["<b>one</b>"] * 5 + ["two"] * 5,
            "break_no": [0, 0, 1, 1, 0] + [0] * 5,
        }
    )
    figure = charts.control(
        table,
        x="week",
        y="share",
        centre="centre",
        low="low",
        high="high",
        panel="segment",
        marked="break_no",
        pale=[False] * 4 + [True] + [False] * 5,
        outside=[False] * 2 + [True] * 2 + [False] * 6,
        title="It broke",
        x_unit="week",
        y_unit="went on",
    )
    drawn = {trace.name: trace for trace in figure.data if trace.showlegend}
    assert list(drawn) == ["limits", "centre", "went on", "outside of the limits", "not finished"]
    assert drawn["went on"].y == (0.5, 0.5, 0.1, 0.1, None)
    assert drawn["outside of the limits"].x == ("2026-01-19", "2026-01-26")
    assert drawn["not finished"].x == ("2026-02-02",)
    assert len(figure.layout.shapes) == 1
    assert figure.layout.annotations[0].text == "&lt;b&gt;one&lt;/b&gt;"


def test_bands_show_every_cell_and_say_where_nothing_is_known():
    blank = {"more": None, "at": None, "low": None, "high": None, "middle": 0.5, "marked": False,
             "hover": None}  # fmt: skip
    rows = [
        {**blank, "column": "look", "band": "Reach", "kind": "bars", "text": "91%", "at": 0.91,
         "low": 0.85, "high": 0.95, "marked": True},
        {**blank, "column": "<buy>", "band": "Reach", "kind": "bars", "text": None},
        {**blank, "column": "look", "band": "Mood", "kind": "curve", "text": "+20", "at": 0.6,
         "low": 0.5, "high": 0.7, "more": "n 40"},
        {**blank, "column": "<buy>", "band": "Mood", "kind": "curve", "text": "+10", "at": 0.55},
        {**blank, "column": "look", "band": "Words", "kind": "words", "text": "<b>bold</b>",
         "hover": "all of it"},
        {**blank, "column": "<buy>", "band": "Words", "kind": "words", "text": None},
    ]  # fmt: skip
    figure = charts.bands(pl.DataFrame(rows), title="A map")
    words, curve, hover = figure.data[-3:]
    assert list(curve.x) == [0.5, 1.5]
    assert curve.y[0] < curve.y[1], "better is higher: the axis runs downwards"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert len(hover.x) == 6
    assert "all of it" in hover.hovertext[4]
    texts = list(words.text)
    assert texts.count("no data") == 2
    assert "<b>▲ 91%</b>" in texts
    assert "&lt;b&gt;bold&lt;/b&gt;" in texts
    assert "<b>&lt;buy&gt;</b>" in texts


def test_a_name_that_looks_like_a_template_is_shown_to_the_letter():
    """Templates are the same whatever the names are: names come in as values."""
    drawings = []
    for name in ("mobile", "%{y}", "{text}"):
        table = pl.DataFrame({"week": ["1", "2"], "level": [0.2, 0.3], "segment": [name, name]})
        areas = pl.DataFrame({"day": [0, 1], "line": [name] * 2, "share": [0.1, 0.4]})
        drawings.append(
            [
                charts.lines(
                    table, x="week", lines={"level": name}, title="t", x_unit="w", y_unit="u"
                ),
                charts.curves(
                    areas, x="day", y="share", line="line", title="t", x_unit="d", y_unit="u"
                ),
            ]
        )
    templates = [
        [trace.hovertemplate for figure in figures for trace in figure.data] for figures in drawings
    ]
    assert templates[0] == templates[1] == templates[2]
    assert [trace.meta for figure in drawings[1] for trace in figure.data if trace.meta] == [
        "%{y}",
        "%{y}",
    ]
