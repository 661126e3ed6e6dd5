"""cx.toml: what it takes, what it refuses and in which words, and that it keeps comments."""

import pytest

from cxkit import settings
from cxkit.errors import BadSettings


def write(folder, text):
    (folder / "cx.toml").write_text(text, encoding="utf-8")
    return folder


def test_defaults_then_what_a_recipe_suggests_then_the_file(tmp_path):
    suggested = {"journey": {"stages": ["a", "b"], "within_days": 7}}
    told = settings.load(write(tmp_path, "[journey]\nwithin_days = 14\n"), suggested)
    assert told.journey.stages == ("a", "b")
    assert told.journey.within_days == 14
    assert told.lifecycle.return_share == 0.20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[journy]", "cx.toml has a section 'journy'. The sections are: company, imports, "
         "journey, lifecycle, people, personas, privacy, surveys."),
        ("[company]\ntimezon = 'UTC'", "cx.toml: [company] has 'timezon'. It knows: brands, "
         "currency, name, timezone."),
        ("[company]\ntimezone = 'Mars'", "cx.toml: company.timezone is 'Mars', not an IANA zone "
         "name. Mend it and run again."),
        ("[journey]\nwithin_days = 'x'", "cx.toml: journey.within_days is 'x', which is not the "
         "kind of value it takes."),
        ("[journey]\nstages = ['a', 'a']", "cx.toml: journey.stages names a stage twice. Mend it "
         "and run again."),
        ("[people]\ndifferent = [['1']]", "cx.toml: people.different names an id alone. Mend it "
         "and run again."),
        ("[people]\nsame = [['1', '2']]\ndifferent = [['2', '1']]", "cx.toml: people.same and "
         "people.different name the same ids. Mend it and run again."),
        ("[privacy]\nsmallest_group = 2", "cx.toml: privacy.smallest_group is below 5. Mend it "
         "and run again."),
        ("[surveys]\nces_high = 'good'", "cx.toml: surveys.ces_high is 'good', neither 'easy' nor "
         "'hard'. Mend it and run again."),
        ("[[imports]]\nfile = 'a.csv'", "cx.toml: [imports] lacks one of: columns, formats, "
         "header, table."),
    ],
)  # fmt: skip
def test_what_it_refuses_and_in_which_words(tmp_path, text, message):
    with pytest.raises(BadSettings) as problem:
        settings.load(write(tmp_path, text))
    assert str(problem.value) == message


def test_broken_toml_is_one_sentence(tmp_path):
    with pytest.raises(BadSettings, match=r"^cx.toml is not valid TOML: .*line 2.*Mend that line"):
        settings.load(write(tmp_path, "[company]\nname = \n"))


def test_keep_writes_what_load_reads_and_leaves_comments_alone(tmp_path):
    write(tmp_path, "# ours\n[company]\nname = 'Brindlewick'  # the shop\n")
    entry = {
        "file": "log.csv",
        "table": "events",
        "header": ["user_id", "when"],
        "columns": {"customer_id": "user_id", "occurred_at": "when"},
        "formats": {"occurred_at": "%d/%m/%Y"},
    }
    settings.keep(tmp_path, {"journey": {"stages": ("x", "y")}, "imports": [entry]})
    settings.keep(tmp_path, {"imports": [{**entry, "table": "messages"}]})
    text = (tmp_path / "cx.toml").read_text(encoding="utf-8")
    assert "# ours" in text and "# the shop" in text
    told = settings.load(tmp_path)
    assert told.company.name == "Brindlewick"
    assert told.journey.stages == ("x", "y")
    assert [mapped.table for mapped in told.imports] == ["messages"]
    assert told.imports[0].formats == {"occurred_at": "%d/%m/%Y"}


def test_keep_refuses_what_would_not_load_and_writes_nothing(tmp_path):
    with pytest.raises(BadSettings):
        settings.keep(tmp_path, {"journey": {"within_days": 0}})
    assert not (tmp_path / "cx.toml").exists()


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(BadSettings, match=r"^company is 3; give a table of names and values"):
        settings.keep(tmp_path, {"company": 3})
    with pytest.raises(BadSettings, match=r"^cx.toml: imports is a list; each entry starts"):
        settings.load(write(tmp_path, "imports = 3"))


def test_settings_survive_the_way_through_plain_values():
    told = {
        "journey": {
            "stages": ["a"],
            "touchpoints": {"a": ["x", "y"]},
            "afterwards": ["b"],
            "owners": {"a": "Team A"},
        }
    }
    made = settings.overlay(settings.Settings(), told, "test")
    assert settings.overlay(settings.Settings(), settings.as_told(made), "test") == made
