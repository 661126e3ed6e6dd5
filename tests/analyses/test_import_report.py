"""Where every record of every file went, told from the table."""

from company import company

import cxkit as cx


def file(name, records, loaded, set_aside=0, duplicate=0, skipped=0, **more):
    return {
        "source_file": name, "records": records, "loaded": loaded, "set_aside": set_aside,
        "duplicate": duplicate, "skipped": skipped, "recipe": "r", "note": "", **more,
    }  # fmt: skip


def test_every_record_accounted_for(tmp_path):
    files = [
        file("b.csv", 11, 7, set_aside=2, duplicate=1, skipped=1),
        file("a.csv", 5, 4, skipped=1),
        file("odd.csv", 3, 0, skipped=3, note="What is this?"),
    ]
    result = cx.import_report(company(tmp_path, files=files))
    assert result.table["file"].to_list() == ["a.csv", "b.csv", "odd.csv"]
    assert result.finding == (
        "All 19 records of 3 files are accounted for: 11 loaded, 2 set aside, 1 duplicate, "
        "5 skipped."
    )
    assert result.caveats == ("odd.csv: What is this?",)
    assert result.n == 19
    title = result.chart().layout.title.text
    assert title == "<b>2 records kept out, all of them in b.csv</b>"


def test_it_would_say_so_if_a_record_were_missing(tmp_path):
    result = cx.import_report(company(tmp_path, files=[file("a.csv", 5, 3)]))
    assert result.finding.startswith("NOT all 5 records of 1 file are accounted for: 3 loaded")


def test_an_empty_store(tmp_path):
    result = cx.import_report(company(tmp_path))
    assert result.finding == "No file has been imported into this store."
    assert len(result.outputs()) == 2
