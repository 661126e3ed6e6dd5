"""Every decision about a file, with what it rests on."""

from company import company

import cxkit as cx


def read(tmp_path, **files):
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content)
    cx.import_exports(folder, store=tmp_path / "store")
    return cx.import_decisions(cx.open(tmp_path / "store"))


def of(result, file):
    return (
        result.table.filter(result.table["file"] == file).select("asked", "decided", "why").rows()
    )


SHOP = "order_id;customer_id;ordered_at;amount\no1;jürgen;31/12/2025 10:00;1.020,50\n"


def test_a_guessed_file_tells_its_letters_marks_columns_and_proofs(tmp_path):
    result = read(tmp_path, shop=SHOP.encode("cp1252"))
    assert of(result, "shop.csv") == [
        ("format", "delimited text", "its content looks so, whatever it is called"),
        ("letters", "Windows-1252", "it is not UTF-8 throughout"),
        ("cells", "cut at semicolons", "so every record has the same number of cells"),
        ("recipe", "guessed orders", "no recipe knows it, and its columns are beyond doubt"),
        ("column", "'order_id' is order_id", "100 % sure"),
        ("column", "'customer_id' is customer_id", "100 % sure"),
        ("column", "'ordered_at' is ordered_at", "100 % sure"),
        ("column", "'amount' is amount", "100 % sure"),
        ("dates", "'ordered_at' is proven day first", ""),
        ("numbers", "'amount' has a decimal comma", ""),
        ("time zone", "Times without a zone are taken as UTC", ""),
    ]
    assert result.finding == (
        "1 file: 1 by columns beyond doubt; 11 decisions in all, each with its reason."
    )
    assert result.caveats[0].startswith("In 1 file the times say no zone.")


def test_a_confirmed_file_and_one_that_waits(tmp_path):
    reviews = b"Date,Stars,Review\n03/04/2026,5,Lovely\n"
    result = read(tmp_path, reviews=reviews, shop=SHOP.encode())
    (_, _, _, recipe) = of(result, "reviews.csv")
    assert recipe[:2] == ("recipe", "none: it waits for an answer")
    assert recipe[2].startswith("Is this feedback, with 'Date' as given_at")
    cx.confirm_mapping(
        tmp_path / "store",
        tmp_path / "exports" / "reviews.csv",
        {"feedback": {"given_at": "Date", "score": "Stars"}},
        {"given_at": "day first"},
    )
    cx.import_exports(tmp_path / "exports", store=tmp_path / "store")
    again = cx.import_decisions(cx.open(tmp_path / "store"))
    confirmed = "somebody confirmed it: it stands in cx.toml"
    assert ("recipe", "mapped to feedback", confirmed) in of(again, "reviews.csv")
    assert ("dates", "'Date': day first", confirmed) in of(again, "reviews.csv")
    assert again.finding.startswith("2 files: 1 as somebody confirmed, 1 by columns beyond doubt;")


def test_the_demo_company(demo):
    result = cx.import_decisions(demo)
    desk = of(result, "helpdesk_tickets.csv")
    assert ("letters", "UTF-8", "its first bytes say so") in desk
    assert ("dates", "'Created time': day first", "the recipe says so") in desk
    assert ("time zone", "Times without a zone are taken as Europe/Berlin", "") in desk
    assert ("left out", "1 line left out: footer", "") in desk
    assert result.n == 9


def test_an_empty_store(tmp_path):
    result = cx.import_decisions(company(tmp_path))
    assert result.finding == "No file has been imported into this store."
    assert result.table.is_empty()
