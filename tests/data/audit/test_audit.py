"""The audit of small sources with known flaws, and of real ones."""

import json
import time

import pyarrow as pa
import pytest

from refeed.data.audit.audit import audit
from refeed.data.ratings import RatingScale
from refeed.errors import DataError
from refeed.readers import read_columns, read_ratings

NOW = 1_700_000_000
T = 978_300_760


def columns_of(tmp_path, rows, header="user,item,rating,time", **options):
    path = tmp_path / "ratings.csv"
    path.write_text(header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return read_columns(path, **options)


def texts(result, level):
    return [finding.text for finding in result.findings if finding.level == level]


def test_sizes_scale_and_counts_are_right(tmp_path):
    rows = [("a", "x", 1, T), ("a", "y", 2.5, T), ("a", "z", 5, T + 1), ("b", "x", 4, T + 2)]
    result = audit(columns_of(tmp_path, rows), now=NOW)
    facts = result.facts
    assert (facts.rows, facts.users, facts.items, facts.density) == (4, 2, 3, 4 / 6)
    assert (facts.values.minimum, facts.values.maximum, facts.values.distinct, facts.values.mean) == (1, 5, 4, 3.125)
    assert [(b.low, b.high, b.count) for b in facts.values.histogram] == [(v, v, 1) for v in (1, 2.5, 4, 5)]
    per_user = facts.ratings_per_user
    assert (per_user.minimum, per_user.median, per_user.maximum, per_user.mean, per_user.single) == (1, 2, 3, 2, 1)
    assert facts.ratings_per_item.single == 2
    assert facts.times.tied_share == 0.5
    assert (facts.times.first, facts.times.last) == ("2000-12-31T22:12:40Z", "2000-12-31T22:12:42Z")
    assert facts.times.note == "times: seconds since 1970 UTC"
    assert result.usable


@pytest.mark.parametrize(
    ("values", "step"), [((0.5, 1, 1.5, 4), 0.5), ((1, 3, 5), 2), ((-9.5, 0, 0.5), 0.5), ((1, 1.3, 2), None), ((3, 3), None)]
)
def test_the_step_of_the_scale_is_found(tmp_path, values, step):
    rows = [("a", item, value) for item, value in enumerate(values)]
    assert audit(columns_of(tmp_path, rows, "user,item,rating")).facts.values.step == step


def test_many_values_are_counted_in_20_bins(tmp_path):
    rows = [("a", n, n / 10) for n in range(100)]
    bins = audit(columns_of(tmp_path, rows, "user,item,rating")).facts.values.histogram
    assert [b.count for b in bins] == [5] * 20
    assert (bins[0].low, bins[-1].high) == (0, 9.9)


def test_unusable_ratings_are_errors_that_name_their_first_line(tmp_path):
    rows = [("a", 1, 3, T), ("a", 2, "", T), ("a", 3, "inf", T), ("a", 4, "nan", T), ("a", 5, 9, T), ("b", 5, 3, T)]
    result = audit(columns_of(tmp_path, rows), scale=RatingScale(1, 5), now=NOW)
    values = result.facts.values
    assert (values.absent.count, values.absent.first) == (2, "line 3")
    assert (values.infinite.count, values.infinite.first) == (1, "line 4")
    assert (values.outside.count, values.outside.first) == (1, "line 6")
    assert texts(result, "error") == [
        "2 rating(s) (the first in line 3) are absent or not a number (NaN)",
        "1 rating(s) (the first in line 4) is infinite or too large",
        "1 rating(s) (the first in line 6) is outside the declared scale 1 to 5",
    ]
    assert not result.usable


def test_the_scale_declared_when_reading_counts(tmp_path):
    result = audit(columns_of(tmp_path, [("a", 1, 3, T)], scale=RatingScale(4, 5)), now=NOW)
    assert result.facts.values.outside.count == 1


def test_only_unusable_ratings_still_give_an_audit(tmp_path):
    values = audit(columns_of(tmp_path, [("a", 1, "nan", T)]), now=NOW).facts.values
    assert (values.minimum, values.mean, values.histogram, values.distinct) == (None, None, (), 0)


def test_repeated_pairs_and_conflicts_are_counted_apart(tmp_path):
    rows = [("a", 1, 3, T), ("b", 1, 3, T), ("a", 1, 3, T), ("b", 1, 4, T), ("b", 1, 5, T), ("b", 2, 5, T)]
    result = audit(columns_of(tmp_path, rows), now=NOW)
    assert (result.facts.repeated_rows, result.facts.conflicting_pairs) == (3, 1)
    assert result.facts.density == 3 / 4
    assert texts(result, "error")[0].startswith("3 row(s) repeat a user and item of a row before; 1 user-item pair(s)")


def test_errors_of_the_audit_are_what_reading_refuses(tmp_path):
    columns = columns_of(tmp_path, [("a", 1, 3, T), ("a", 1, 4, T)])
    assert not audit(columns).usable
    with pytest.raises(DataError, match="rated item 1 again"):
        read_ratings(columns.origin.path)


def test_suspicious_worlds_get_warnings(tmp_path):
    rows = [("a", 1, 3, 100), ("a", 2, 3, 100), ("a", 3, 3, NOW + 1), ("a", 4, 3, 100)]
    assert texts(audit(columns_of(tmp_path, rows), now=NOW), "warning") == [
        "all ratings are 3",
        "there is a single user",
        "4 of 4 items have a single rating",
        "1 rating(s) (the first in line 4) is dated in the future",
        "3 rating(s) (the first in line 2) are dated before 1990",
        "75% of the ratings share their second with another one of the same user",
    ]


def test_splits_that_are_possible_say_so(tmp_path):
    rows = [(n % 2, n, 1 + n % 5, T + n, ("Train", "test")[n % 2]) for n in range(12)]
    columns = columns_of(tmp_path, rows, "user,item,rating,time,fold", labels=("fold",))
    splits = {check.name: check for check in audit(columns, now=NOW).splits}
    assert all(check.possible for check in splits.values())
    assert splits["column"].why == "'fold' has the labels Train, test"
    assert splits["one time for all"].why == "times from 2000-12-31T22:12:40Z to 2000-12-31T22:12:51Z"


@pytest.mark.parametrize(
    ("header", "rows", "options", "why"),
    [
        (
            "user,item,rating",
            [("a", 1, 1)],
            {},
            {"random": "1 ratings; at least 10", "one time for all": "no times", "column": "no label column was read"},
        ),
        ("user,item,rating,time", [("a", 1, 1, T), ("b", 1, 1, T)], {}, {"time within each user": "no user has 3 ratings"}),
        (
            "user,item,rating,time",
            [("a", n, 1, T) for n in range(3)],
            {},
            {
                "time within each user": "every rating shares its second",
                "one time for all": "all ratings have the time 2000-12-31",
            },
        ),
        (
            "user,item,rating,fold",
            [("a", 1, 1, "x")],
            {"labels": ("fold",)},
            {"column": "no column has both train and test labels"},
        ),
    ],
)
def test_splits_that_are_impossible_say_why(tmp_path, header, rows, options, why):
    splits = {check.name: check for check in audit(columns_of(tmp_path, rows, header, **options), now=NOW).splits}
    for name, words in why.items():
        assert not splits[name].possible
        assert words in splits[name].why


def test_no_times_are_an_information(tmp_path):
    result = audit(columns_of(tmp_path, [("a", 1, 1), ("b", 1, 2)], "user,item,rating"))
    assert "there are no times" in texts(result, "info")
    assert result.facts.times is None


def test_the_audit_is_plain_json(tmp_path):
    columns = columns_of(tmp_path, [("a", 1, 3, T, "train")], "user,item,rating,time,fold", labels=("fold",))
    plain = json.loads(json.dumps(audit(columns).to_dict()))
    assert plain["source"].endswith("ratings.csv")
    assert plain["facts"]["labels"] == {"fold": ["train"]}
    assert plain["usable"] is True


def test_tables_in_memory_are_named_by_row():
    result = audit(read_columns(pa.table({"user": [1, 2], "item": [1, 1], "rating": pa.array([1.0, None])})))
    assert result.source == "a table in memory"
    assert result.facts.values.absent.first == "row 2"


def test_a_million_real_ratings_are_audited_within_five_seconds(datasets):
    columns = read_columns(datasets / "ml-1m", labels=("time80",))
    start = time.perf_counter()
    result = audit(columns, now=NOW)
    assert time.perf_counter() - start < 5  # 0.5 s measured on two shared cores
    assert (result.facts.rows, result.facts.users, result.facts.items) == (1_000_209, 6_040, 3_706)
    assert (result.facts.values.step, result.facts.repeated_rows) == (1, 0)
    assert [check.possible for check in result.splits] == [True, True, True, True]
