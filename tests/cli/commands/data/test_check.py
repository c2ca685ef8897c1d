"""`refeed check`."""

from __future__ import annotations

import json
import shutil

import pytest

from helpers.command_line import done, refeed, refused, squeezed


def facts_of(out: str) -> dict[str, str]:
    """The facts at the start of the output, by label."""
    lines = [line for line in out.split("\n\n", maxsplit=1)[0].splitlines() if not line.startswith("  ")]
    return {label.strip(): value.strip() for label, _, value in (line.partition("  ") for line in lines)}


def test_counts_scale_and_times_are_printed(ratings_csv):
    facts = facts_of(done("check", ratings_csv).out)
    assert (facts["ratings"], facts["users"], facts["items"], facts["density"]) == ("600", "40", "30", "50.000%")
    assert (facts["scale seen"], facts["scale declared"], facts["step"]) == ("1 to 5", "none", "1")
    assert facts["a user's ratings: fewest, median, most"] == "15, 15, 15"
    assert facts["first time (UTC)"] == "2020-09-13T12:26:40Z"


def test_histogram_has_a_line_for_each_rating_and_its_counts_add_up(ratings_csv):
    table = done("check", ratings_csv).out.split("\n\n")[1].splitlines()[1:]
    assert [line.split()[0] for line in table] == ["1", "2", "3", "4", "5"]
    assert sum(int(line.split()[1]) for line in table) == 600
    assert max(line.count("█") for line in table) == 30


def test_possible_splits_are_listed_with_reasons(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n1,2,4\n2,1,5\n")
    out = squeezed(done("check", tmp_path / "a.csv").out)
    assert "one time for all no there are no times" in out
    assert "info: there are no times. Only random splits and a column's own split are possible." in out


def test_json_goes_to_a_file_beside_the_tables(ratings_csv, tmp_path):
    run = done("check", ratings_csv, "--json", tmp_path / "check.json")
    report = json.loads((tmp_path / "check.json").read_text())
    assert report["facts"]["rows"] == 600
    assert report["usable"] is True
    assert facts_of(run.out)["ratings"] == "600"


def test_json_on_standard_output_is_all_that_is_there(ratings_csv):
    report = json.loads(done("check", ratings_csv, "--json", "-").out)
    assert report["facts"]["values"]["minimum"] == 1


def test_label_column_is_looked_at(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating,fold\n1,1,3,train\n1,2,4,test\n2,1,5,train\n")
    report = json.loads(done("check", tmp_path / "a.csv", "--label", "fold", "--json", "-").out)
    assert report["facts"]["labels"] == {"fold": ["test", "train"]}


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        ("1,1,3\n1,1,4\n", (), "error: 1 row(s) repeat a user and item of a row before; 1 user-item pair(s) have different"),
        ("1,1,nan\n1,2,4\n", (), "error: 1 rating(s) (the first in line 2) is absent or not a number (NaN). Correct or remove"),
        (
            "1,1,3\n1,2,9\n",
            ("--scale", "1", "5"),
            "error: 1 rating(s) (the first in line 3) is outside the declared scale 1 to 5",
        ),
    ],
)
def test_errors_exit_with_3_and_say_what_to_do(tmp_path, lines, options, words):
    (tmp_path / "a.csv").write_text(f"user,item,rating\n{lines}")
    run = refeed("check", tmp_path / "a.csv", *options)
    assert run.status == 3
    assert words in run.out
    assert run.err == "Training would refuse these ratings as they are, because of the errors.\n"


def test_ratings_without_any_number_have_no_histogram(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,nan\n")
    run = refeed("check", tmp_path / "a.csv")
    assert run.status == 3
    assert facts_of(run.out)["scale seen"] == "none"
    assert "█" not in run.out


def test_duplicate_hint_names_the_option(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n1,1,4\n")
    assert "(--duplicates last)" in refeed("check", tmp_path / "a.csv").out


@pytest.mark.parametrize("policy", [("--duplicates", "last"), ("--missing", "skip")])
def test_policies_are_refused_since_check_has_no_use_for_them(ratings_csv, policy):
    assert "the option is for import, split and train" in refused(4, "check", ratings_csv, *policy)


def test_store_is_checked_like_its_source(ratings_csv, tmp_path):
    done("import", ratings_csv, "-o", tmp_path / "store")
    stored, source = (facts_of(done("check", path).out) for path in (tmp_path / "store", ratings_csv))
    assert stored == source


def test_every_file_of_a_store_is_checked(ratings_csv, tmp_path):
    store = tmp_path / "store"
    done("import", ratings_csv, "-o", store)
    assert "Every file of the store is as it was written" in done("check", store).err
    content = (store / "values.npy").read_bytes()
    (store / "values.npy").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "values.npy has changed since it was written" in refused(5, "check", store)


def test_column_options_are_refused_for_a_store(ratings_csv, tmp_path):
    done("import", ratings_csv, "-o", tmp_path / "store")
    assert "a ratings store has fixed columns; user cannot be given for it" in refused(
        4, "check", tmp_path / "store", "--user", "user"
    )


def test_whole_model_folder_is_described(model, tmp_path):
    run = done("check", model, "--json", tmp_path / "facts.json")
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert (facts["users"], facts["items"], facts["ratings kept"], facts["titles"]) == (40, 30, 480, 30)
    assert facts["model"] == "user-side autoencoder 30 > 8 > dropout 0.7 > 30, selu"
    assert "as they were written" in run.out
    assert json.loads(done("check", model, "--json", "-").out) == facts


@pytest.mark.parametrize("name", ["model.safetensors", "histories/values.npy"])
def test_damage_anywhere_is_named(model, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    assert f"{name} is damaged, its hash is not the one recorded" in refused(5, "check", copy)


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--label", "fold"), "--label: names a column"), (("--user", "u"), "--user: says how to read ratings")],
)
def test_options_of_ratings_do_not_go_with_a_model_folder(model, options, words):
    assert words in refused(4, "check", model, *options)
