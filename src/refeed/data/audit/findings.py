"""What follows from the facts of an audit: findings, and the splits that are possible."""

from __future__ import annotations

from collections.abc import Iterator

from refeed.data.audit.report import Counts, Facts, Finding, FlawedRows, Level, SplitCheck, TimeFacts

TRAIN_LABELS = frozenset({"train", "training", "base"})
TEST_LABELS = frozenset({"test", "testing", "probe"})
FEWEST_FOR_RANDOM = 10  # ratings, so that a tenth is one
MANY_TIES = 0.5
MANY_SINGLES = 0.5


def findings_of(facts: Facts) -> tuple[Finding, ...]:
    """All findings, errors first, then warnings, then information."""
    found = [*_value_findings(facts), *_repeat_findings(facts), *_size_findings(facts), *_time_findings(facts.times)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.level)))


def possible_splits(facts: Facts) -> tuple[SplitCheck, ...]:
    """Which ways of splitting these ratings allow, and why (not)."""
    return (_random_split(facts), _user_time_split(facts), _global_time_split(facts), _column_split(facts))


def _value_findings(facts: Facts) -> Iterator[Finding]:
    values = facts.values
    fix = "Correct or remove these rows."
    if values.absent.count:
        yield Finding("error", f"{_many(values.absent)} absent or not a number (NaN)", fix)
    if values.infinite.count:
        yield Finding("error", f"{_many(values.infinite)} infinite or too large", fix)
    if values.outside.count and values.declared is not None:
        low, high = values.declared
        text = f"{_many(values.outside)} outside the declared scale {low:g} to {high:g}"
        yield Finding("error", text, f"{fix[:-1]}, or declare the scale that the ratings have: scale (--scale).")
    if values.distinct == 1:
        text = f"all ratings are {values.minimum:g}"
        yield Finding("warning", text, "There is nothing to predict: check that this is the rating column (--rating).")


def _repeat_findings(facts: Facts) -> Iterator[Finding]:
    if facts.repeated_rows:
        conflicts = f"{facts.conflicting_pairs:,} user-item pair(s) have different ratings"
        yield Finding(
            "error",
            f"{facts.repeated_rows:,} row(s) repeat a user and item of a row before; {conflicts}",
            "Say what to do with them: duplicates='last' (--duplicates last) keeps the latest, 'mean' averages them.",
        )


def _size_findings(facts: Facts) -> Iterator[Finding]:
    for kind, number, counts in (
        ("user", facts.users, facts.ratings_per_user),
        ("item", facts.items, facts.ratings_per_item),
    ):
        if number == 1:
            text = f"there is a single {kind}"
            yield Finding("warning", text, f"Nothing can be learned across {kind}s: check the column (--{kind}).")
        elif counts.single:
            yield _single_finding(kind, number, counts)


def _single_finding(kind: str, number: int, counts: Counts) -> Finding:
    level: Level = "warning" if counts.single > MANY_SINGLES * number else "info"
    text = f"{counts.single:,} of {number:,} {kind}s have a single rating"
    return Finding(level, text, f"Predictions for such {kind}s are little more than averages; consider leaving them out.")


def _time_findings(times: TimeFacts | None) -> Iterator[Finding]:
    if times is None:
        yield Finding("info", "there are no times", "Only random splits and a column's own split are possible.")
        return
    fix = "Check the time column and its unit (--time)."
    if times.in_future.count:
        yield Finding("warning", f"{_many(times.in_future)} dated in the future", fix)
    if times.before_1990.count:
        yield Finding("warning", f"{_many(times.before_1990)} dated before 1990", fix)
    if times.tied_share > MANY_TIES:
        text = f"{times.tied_share:.0%} of the ratings share their second with another one of the same user"
        yield Finding(
            "warning", text, "Their order within a user is not known; split at one time for all rather than per user."
        )


def _many(rows: FlawedRows) -> str:
    return f"{rows.count:,} rating(s) (the first in {rows.first}) {'is' if rows.count == 1 else 'are'}"


def _random_split(facts: Facts) -> SplitCheck:
    possible = facts.rows >= FEWEST_FOR_RANDOM
    why = f"{facts.rows:,} ratings; at least {FEWEST_FOR_RANDOM} are needed"
    return SplitCheck("random", possible, why)


def _user_time_split(facts: Facts) -> SplitCheck:
    if facts.times is None:
        return SplitCheck("time within each user", False, "there are no times")
    if facts.ratings_per_user.maximum < 3:
        return SplitCheck("time within each user", False, "no user has 3 ratings, one for each part")
    if facts.times.tied_share == 1:
        return SplitCheck("time within each user", False, "every rating shares its second with another one of its user")
    return SplitCheck("time within each user", True, f"{facts.times.tied_share:.0%} of the ratings tie within their user")


def _global_time_split(facts: Facts) -> SplitCheck:
    if facts.times is None:
        return SplitCheck("one time for all", False, "there are no times")
    if facts.times.distinct == 1:
        return SplitCheck("one time for all", False, f"all ratings have the time {facts.times.first}")
    return SplitCheck("one time for all", True, f"times from {facts.times.first} to {facts.times.last}")


def _column_split(facts: Facts) -> SplitCheck:
    if not facts.labels:
        return SplitCheck("column", False, "no label column was read; name one: labels=('…',) (--label)")
    for column, labels in facts.labels.items():
        lower = {label.lower() for label in labels}
        if lower & TRAIN_LABELS and lower & TEST_LABELS:
            return SplitCheck("column", True, f"'{column}' has the labels {', '.join(labels)}")
    there = "; ".join(f"'{column}': {', '.join(labels)}" for column, labels in facts.labels.items())
    return SplitCheck("column", False, f"no column has both train and test labels ({there})")
