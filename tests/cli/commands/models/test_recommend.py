"""`refeed recommend`."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from helpers.command_line import QUICK, done, refused, squeezed, write_ratings
from refeed.fitted_model import load
from refeed.inference.recommend import recommend


def listed(*arguments) -> list[dict]:
    """The recommendations as JSON."""
    return json.loads(done("recommend", *arguments, "--json", "-").out)["recommendations"]


def expected(model, who, **options) -> list[dict]:
    """What Python recommends."""
    return [vars(one) for one in recommend(load(model), who, **options)]


def test_known_user_gets_ten_unseen_items_by_title(model):
    run = done("recommend", model, "--user-id", "1")
    found = recommend(load(model), 1)
    lines = run.out.splitlines()
    assert lines[0] == "Recommended for user 1"
    assert len(lines) == 12
    for line, one in zip(lines[2:], found, strict=True):
        assert squeezed(line) == f"{one.rank} {one.item} {one.title} {one.rating:.2f}"


def test_json_is_what_python_recommends(model):
    assert listed(model, "-u", "1", "-k", "3") == expected(model, 1, k=3)
    assert listed(model, "-u", "1", "--k", "30", "--include-seen") == expected(model, 1, k=30, exclude_seen=False)


def test_json_goes_to_a_file_beside_the_table(model, tmp_path):
    run = done("recommend", model, "-u", "1", "-k", "1", "--json", tmp_path / "r.json")
    (one,) = json.loads((tmp_path / "r.json").read_text())["recommendations"]
    assert one["title"] in run.out


def test_new_person_is_given_by_ids_and_titles_in_any_case(model):
    found = listed(model, "101=5", "film 102, the=1.5")
    assert found == expected(model, {101: 5.0, 102: 1.5})
    assert not {101, 102} & {one["item"] for one in found}
    assert "Recommended for a new user" in done("recommend", model, "101=5").out


@pytest.mark.parametrize(
    "text",
    [
        "item,rating\n101,5\n\n102,1.5\n",
        "101,5\n102,1.5",
        '\ufeff101,5\r\n"Film 102, The",1.5\r\n',
        "101;5\n102;1.5\n",
        "101\t5\nFilm 102, The\t1.5\n",
        "101::5\n102::1.5\n",
        "rating,user,item\n5,x,101\n1.5,x,102\n",
    ],
)
def test_new_person_is_given_by_a_file(model, tmp_path, text):
    (tmp_path / "mine.csv").write_bytes(text.encode())
    assert listed(model, "--ratings-file", tmp_path / "mine.csv") == expected(model, {101: 5.0, 102: 1.5})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "mine.csv: the file is empty"),
        (b"item,rating\n", "mine.csv: there are no ratings"),
        (b"101\n", "mine.csv, line 1: expected two columns, item and rating, found '101'"),
        (b"101,five\n", "mine.csv, line 1, column '2': the rating 'five' is not a number"),
        (b"101,5\n102;3\n", "mine.csv, line 2: expected 2 fields, found 1"),
        (b"101,5\n102,3,978300760\n", "mine.csv, line 2: expected 2 fields, found 3"),
        (b"1,101,5\n1,102,4\n", "mine.csv, line 1: expected two columns, item and rating, found 3"),
        (b"item,stern\n101,5\n", "no column looks like the rating"),
        (b"101,5\n7,3\n", "mine.csv, line 2: unknown item '7'"),
        (b"101,5\n101,3\n", "mine.csv, line 2: item 101 is rated twice"),
        (b"\xff\xfe1,5\n", "line 1, column '1': the bytes b'\\xff\\xfe1' are not UTF-8 text"),
        (b"101,nan\n", "the rating nan of item 101 is outside the scale 1 to 5"),
    ],
)
def test_bad_file_of_ratings_is_refused_with_its_line(model, tmp_path, content, words):
    (tmp_path / "mine.csv").write_bytes(content)
    assert words in refused(3, "recommend", model, "--ratings-file", tmp_path / "mine.csv")


def test_unknown_items_of_the_file_are_skipped_where_that_is_asked(model, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("101,5\n7,3\nNo Such Film,2\n102,1.5\n")
    assert "Or leave such items out: --skip-unknown." in refused(3, "recommend", model, "--ratings-file", mine)
    assert listed(model, "--ratings-file", mine, "--skip-unknown") == expected(model, {101: 5.0, 102: 1.5})
    run = done("recommend", model, "--ratings-file", mine, "--skip-unknown")
    assert "left out 2 of 4 ratings, of items that the model does not know" in run.err
    mine.write_text("7,3\n")
    error = refused(3, "recommend", model, "--ratings-file", mine, "--skip-unknown")
    assert "mine.csv: the model knows none of the items" in error
    assert "--skip-unknown goes with --ratings-file" in refused(4, "recommend", model, "101=5", "--skip-unknown")


def test_file_of_ratings_may_be_in_another_encoding(model, tmp_path):
    (tmp_path / "mine.csv").write_bytes("101;5\nFilm 102, The;1.5\n".encode("utf-16"))
    found = listed(model, "--ratings-file", tmp_path / "mine.csv", "--encoding", "utf-16")
    assert found == expected(model, {101: 5.0, 102: 1.5})


@pytest.mark.parametrize("said", [("--item", "Film", "--rating", "Note"), ("--item", "2", "--rating", "1"), ()])
def test_columns_of_the_file_are_said_or_those_of_the_training_data(ratings_csv, tmp_path, said):
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(ratings_csv.read_text().replace("user,item,rating,time", "Kunde,Film,Note,Zeit", 1))
    columns = ("--user", "Kunde", "--item", "Film", "--rating", "Note")
    done("train", renamed, "-o", tmp_path / "model", "--model", "bias", "--split", "random", *columns)
    (tmp_path / "mine.csv").write_text("Note,Film\n5,101\n1.5,102\n")
    found = listed(tmp_path / "model", "--ratings-file", tmp_path / "mine.csv", *said)
    assert found == expected(tmp_path / "model", {101: 5.0, 102: 1.5})


def test_decimal_sign_of_the_file_is_said_or_that_of_the_training_data(ratings_csv, model, tmp_path):
    (tmp_path / "mine.csv").write_text("item;rating\n101;5\n102;1,5\n")
    file = ("--ratings-file", tmp_path / "mine.csv")
    assert listed(model, *file, "--decimal", ",") == expected(model, {101: 5.0, 102: 1.5})
    assert "the rating '1,5' is not a number" in refused(3, "recommend", model, *file)
    done("train", ratings_csv, "-o", tmp_path / "model", "--model", "bias", "--split", "random", "--decimal", ",")
    assert listed(tmp_path / "model", *file) == expected(tmp_path / "model", {101: 5.0, 102: 1.5})


def test_columns_said_that_are_not_there_are_refused(model, tmp_path):
    (tmp_path / "mine.csv").write_text("item,stars\n101,5\n")
    file = ("--ratings-file", tmp_path / "mine.csv")
    assert "there is no column 'Film'" in refused(3, "recommend", model, *file, "--item", "Film")
    assert "is taken as both item and rating" in refused(3, "recommend", model, *file, "--item", "stars")
    assert "--user: says how to read the --history file" in refused(4, "recommend", model, *file, "--user", "x")


def test_absent_file_of_ratings_is_refused(model, tmp_path):
    assert "there is no such file" in refused(3, "recommend", model, "--ratings-file", tmp_path / "absent.csv")


def test_user_is_found_in_a_history(model, tmp_path):
    (tmp_path / "seen.csv").write_text("user,item,rating\nnew,101,5\nnew,102,2\nold,103,4\n")
    found = listed(model, "-u", "new", "--history", tmp_path / "seen.csv")
    assert found == expected(model, {101: 5.0, 102: 2.0})
    error = refused(3, "recommend", model, "-u", "nobody", "--history", tmp_path / "seen.csv")
    assert "unknown user 'nobody': not among the 2 users known here" in error


@pytest.mark.parametrize(
    ("status", "arguments", "words"),
    [
        (3, ("-u", "77"), "unknown user '77': not among the 40 users known here"),
        (3, ("-u", "bob"), "user ids here are integers, got 'bob'"),
        (3, ("7=5",), "unknown item '7': not among the 30 items known here"),
        (3, ("Flim 102, The=5",), "Did you mean 'Film 102, The'"),
        (3, ("²=5",), "item ids here are integers, got '²'"),
        (3, ("99999999999999999999=5",), "does not fit into a signed 64-bit integer"),
        (3, ("101=9",), "the rating 9 of item 101 is outside the scale 1 to 5 of this model"),
        (3, ("101=nan",), "the rating nan of item 101 is outside the scale"),
        (4, ("101=good",), "'101=good': expected ITEM=RATING with a number after the last '='"),
        (4, ("101",), "'101': expected ITEM=RATING"),
        (4, ("=5",), "'=5': expected ITEM=RATING, for example 296=4.5"),
        (4, ("101=5", "Film 101, The=4"), "item 101 is rated twice"),
        (4, (), "for whom? Give one of --user-id ID, ITEM=RATING …, --ratings-file FILE, or --all"),
        (4, ("--all", "-u", "1", "-o", "top.parquet"), "for whom? Give one of"),
        (4, ("--all", "101=5"), "for whom? Give one of"),
        (4, ("--all",), "--all: expected the file to write, --output NAME.parquet, got none"),
        (4, ("--all", "-o", "top.csv"), "--all: expected the file to write, --output NAME.parquet, got top.csv"),
        (4, ("--all", "-o", "top.parquet", "--json", "-"), "--json goes with a single user"),
        (4, ("--all", "-o", "top.parquet", "-k", "0"), "--k: expected at least 1, got 0"),
        (4, ("-u", "1", "-o", "top.parquet"), "--output goes with --all"),
        (4, ("-u", "1", "101=5"), "for whom? Give one of"),
        (4, ("-u", "1", "-k", "0"), "k: expected at least 1, got 0"),
        (4, ("101=5", "--history", "a.csv"), "--history goes with --user-id or --all"),
        (4, ("-u", "1", "--scale", "1", "5"), "--scale: says how to read the --history file, but none was given"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(model, status, arguments, words):
    assert words in refused(status, "recommend", model, *arguments)


def test_everybody_gets_a_list_in_a_file(model, tmp_path):
    path = tmp_path / "top.parquet"
    run = done("recommend", model, "--all", "-o", path, "-n", "3")
    rows = pq.read_table(path).to_pylist()
    assert f"{path}: 120 recommendations to 40 users" in run.out
    assert [row["item"] for row in rows if row["user"] == 7] == [one["item"] for one in expected(model, 7, k=3)]
    assert "exists already" in refused(7, "recommend", model, "--all", "-o", path)
    done("recommend", model, "--all", "-o", path, "--overwrite", "--include-seen", "-k", "30")
    assert pq.read_metadata(path).num_rows == 40 * 30


def test_everybody_in_a_history_gets_a_list_if_the_model_knows_an_item_of_theirs(model, tmp_path):
    (tmp_path / "seen.csv").write_text("user,item,rating\nnew,101,5\nnew,102,2\nodd,999,4\n")
    run = done("recommend", model, "--all", "-o", tmp_path / "top.parquet", "--history", tmp_path / "seen.csv", "-k", "2")
    rows = pq.read_table(tmp_path / "top.parquet").to_pylist()
    assert [(row["user"], row["item"]) for row in rows] == [
        ("new", one["item"]) for one in expected(model, {101: 5.0, 102: 2.0}, k=2)
    ]
    assert "1 users have no rating of an item that the model knows, and no recommendations" in run.err


def test_nothing_is_written_over_or_into_an_input(model, ratings_csv):
    for arguments in (("--all", "-o", model / "top.parquet"), ("-u", "1", "--json", model / "list.json")):
        assert "lies in" in refused(7, "recommend", model, *arguments)
    error = refused(7, "recommend", model, "--ratings-file", ratings_csv, "--json", ratings_csv, "--overwrite")
    assert "ratings.csv: is also named as another file of this command" in error
    assert ratings_csv.read_text().startswith("user,item")


def test_json_file_is_only_replaced_on_request(model, tmp_path):
    (tmp_path / "list.json").write_text("mine")
    assert "list.json: exists already" in refused(7, "recommend", model, "-u", "1", "--json", tmp_path / "list.json")
    done("recommend", model, "-u", "1", "--json", tmp_path / "list.json", "--overwrite")
    assert "recommendations" in json.loads((tmp_path / "list.json").read_text())


def test_very_long_name_of_an_item_is_cut_in_the_message(model):
    error = refused(3, "recommend", model, f"{'x' * 10_000}=5")
    assert "…' (10,000 characters)" in error
    assert len(error) < 500


def test_model_without_histories_asks_for_them(ratings_csv, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--no-histories")
    assert "keeps no histories" in refused(3, "recommend", tmp_path / "model", "-u", "1")
    assert len(listed(tmp_path / "model", "101=5", "-k", "4")) == 4


def test_titles_that_several_items_share_are_refused_with_their_ids(tmp_path):
    path = write_ratings(tmp_path / "ratings.csv")
    (tmp_path / "movies.csv").write_text("movieId,title\n101,Heat\n102,Heat\n103,Alien\n")
    done("train", path, "-o", tmp_path / "model", "--model", "bias")
    assert "several items have the title 'Heat'; give one of the ids 101, 102" in refused(
        3, "recommend", tmp_path / "model", "Heat=5"
    )
