"""Cards: drawn from data, escaped to the letter, and read back as they were written."""

import pytest

from cxkit.cards import Block, Card, Part, Row, html, text

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
    assert 'style="left:20.0%;width:60.0%"' in page
    assert 'style="left:100.0%"' in page  # a mark beyond the end stands at the end
    assert 'aria-label="0–3 5 %"' in page


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
