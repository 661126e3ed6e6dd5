"""Cards: drawn from data, escaped to the letter, and read back as they were written."""

import polars as pl
import pytest

from cxkit.cards import Band, Block, Card, Part, Row, html, text

CARD = Card(
    "Night <owls>",
    "12 of 30 people, 40.0 % (24.6–57.7).",
    (Row("of revenue", "53 %"),),
    (
        Part("Who", (Block("ranges", "Median", (Row("Basket", "9", 0.5, 0.2, 0.8, 0.4),)),)),
        Part(
            "Why",
            (
                Block("bars", "Topics", (Row("a & b", "10 %", at=0.1, mark=2.0),)),
                Block("columns", "Hours", (Row("0–3", "5 %", at=0.25, mark=0.5),)),
                Block("quotes", "Words", (Row("<script>x</script>", "row 7"),)),
                Block("notes", "Nothing stands out"),
            ),
            wide=True,
        ),
    ),
    "Only 12 people: too few to say.",
)

MAP = Card(
    "The journey",
    "Of 30 customers 12 got there.",
    columns=("look", "<buy>"),
    bands=(
        Band("Reach", "bars", (Row("100%", "30", 1.0, 0.9, 1.0), Row("40%", "12", 0.4, mark=1.0))),
        Band("Mood", "curve", (Row("+20", "n 9", 0.5, 0.25, 0.75), Row("-10", "", 0.2)), 0.3),
        Band("Words", "words", (Row("<script>", "row 7"), Row(""))),
    ),
)


def test_a_map_is_a_table_with_a_row_per_band_and_is_read_as_it_was_written():
    page = html([MAP])
    assert Card.from_json(MAP.to_json()) == MAP
    assert html([Card.from_json(MAP.to_json())]) == page
    assert page.count('<th scope="col"') == 2
    assert page.count('<th scope="row"') == 3
    assert "&lt;buy&gt;" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert page.count("no data") == 1
    assert "1 of 1" not in page
    assert "clip-path:polygon(0 " in page, "the curve leads from one column to the next"
    assert "<strong>▲ 40%</strong>" in page, "what stands out is marked by more than a colour"
    assert "size: A4 landscape" in page


def test_every_text_is_shown_to_the_letter():
    page = html([CARD])
    assert "Night &lt;owls&gt;" in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script" not in page
    assert "http" not in page, "nothing is fetched"
    assert page.count("<style>") == 1
    assert "<style>" not in html([CARD], style=False)


def test_marks_stay_on_the_card():
    page = html([CARD])
    assert 'margin-left:20.0%;width:60.0%"' in page
    assert 'margin-left:100.0%"' in page  # a mark beyond the end stands at the end
    assert 'aria-label="0–3 5 %"' in page


def test_a_notebook_that_is_not_trusted_keeps_a_tidy_card():
    page = html([CARD]).split("</style>")[1]
    assert "border-top:6px solid #0072B2;" in page
    assert "var(" not in page  # no colour hangs on the sheet
    assert '<i style="grid-area:1/1/2/2;background:#0072B2;width:10.0%">' in page
    assert "grid-area" not in html([CARD], style=False), "a report has its own sheet"


def test_a_card_is_read_as_it_was_written():
    assert Card.from_json(CARD.to_json()) == CARD
    assert html([Card.from_json(CARD.to_json())]) == html([CARD])


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"title": 1}', '{"title": "a", "lead": "b", "parts": 3}',
             '{"title": "a", "lead": "b", "figures": [{"at": "x"}]}']
)  # fmt: skip
def test_what_is_no_card_is_refused(line):
    with pytest.raises(ValueError):
        Card.from_json(line)


def test_as_text():
    assert text([CARD]) == (
        "Night <owls>\n  12 of 30 people, 40.0 % (24.6–57.7).\n  53 % of revenue\n"
        "  ! Only 12 people: too few to say."
    )


def test_a_report_draws_cards_anew_and_trusts_no_stored_html(tmp_path):
    from cxkit.report.page import Cover, write_page
    from cxkit.report.run import Executed
    from cxkit.result import MIME

    def shown(*lines: str) -> str:
        data = {
            "text/html": "<b onclick='x()'>stored</b>",
            "text/plain": "",
            MIME: {"part": "cards", "cards": list(lines)},
        }
        output = {"output_type": "display_data", "data": data, "metadata": {}}
        cells = [
            {"cell_type": "markdown", "source": "# Who?", "metadata": {}},
            {"cell_type": "code", "source": "cards", "metadata": {}, "outputs": [output, output]},
        ]
        cover = Cover("Owls", "1 Jan 2026", {}, "", (), pl.DataFrame())
        page = write_page(tmp_path / "index.html", cover, [Executed("02", cells)])
        return page.read_text(encoding="utf-8")

    page = shown(CARD.to_json())
    assert page.count('<article class="cxc-card"') == 1, "the same cards are shown once"
    assert "Night &lt;owls&gt;" in page
    assert "stored</b>" not in page
    assert "break-after: page" in page
    assert "cxc-card" in shown("not a card").split("<body>")[0]
    assert "<article" not in shown("not a card").split("<script>")[0].split("</style>")[1]
