"""The options of splitting, shared by the commands that split."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from refeed.cli.console import say
from refeed.data.ratings import Ratings
from refeed.data.splits.base import Split, Splitter
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.random import KFoldSplit, RandomSplit
from refeed.data.splits.time import NetflixSplit, TimeSplit, UserTimeSplit
from refeed.errors import ConfigError, SplitError

PANEL = "Splitting"
DEFAULT_FRACTION = 0.8  # of the ratings in time order, where a time split is requested without a border
DEFAULT_USER_FRACTION = 0.1  # of each user's ratings for test, and as many for valid


class SplitKind(StrEnum):
    """The ways of splitting."""

    time = "time"
    user_time = "user-time"
    random = "random"
    k_fold = "k-fold"
    netflix_full = "netflix-full"
    netflix_3_months = "netflix-3-months"
    netflix_6_months = "netflix-6-months"
    netflix_1_year = "netflix-1-year"


@dataclass(frozen=True)
class SplittingOptions:
    """How to split; an option that the chosen way has no use for is refused."""

    split: Annotated[
        SplitKind | None,
        typer.Option(
            help="time: train on the past (the default where there are times); user-time: each user's last ratings are test; "
            "random (the default without times); k-fold; or one of the paper's four Netflix splits.",
            rich_help_panel=PANEL,
        ),
    ] = None
    split_column: Annotated[
        str | None, typer.Option(help="A column that already says train, valid or test.", rich_help_panel=PANEL)
    ] = None
    at: Annotated[str | None, typer.Option(help="time: the future begins at this date (UTC).", rich_help_panel=PANEL)] = None
    fraction: Annotated[
        float | None,
        typer.Option(help="time: share of the ratings before the border; user-time: share for test.", rich_help_panel=PANEL),
    ] = None
    last: Annotated[int | None, typer.Option(help="user-time: number of ratings for test.", rich_help_panel=PANEL)] = None
    train_from: Annotated[str | None, typer.Option(help="time: leave out what is older.", rich_help_panel=PANEL)] = None
    test_until: Annotated[str | None, typer.Option(help="time: leave out what is newer.", rich_help_panel=PANEL)] = None
    valid_share: Annotated[
        float | None,
        typer.Option(help="Share for valid: of the future, of all, or of train.", rich_help_panel=PANEL),
    ] = None
    test_share: Annotated[float | None, typer.Option(help="random: share for test.", rich_help_panel=PANEL)] = None
    folds: Annotated[int | None, typer.Option(help="k-fold: number of folds.", rich_help_panel=PANEL)] = None
    fold: Annotated[int | None, typer.Option(help="k-fold: the fold that is test, from 0.", rich_help_panel=PANEL)] = None
    split_seed: Annotated[int, typer.Option(help="Seed of the draws of the split.", rich_help_panel=PANEL)] = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The label columns that have to be read."""
        return () if self.split_column is None else (self.split_column,)

    def requested(self) -> Splitter | None:
        """The requested splitter, None where it follows from the ratings.

        Raises:
            ConfigError: options that do not go together.
            SplitError: a value out of its range.
        """
        if self.split_column is None:
            return None if self.split is None else self._by_kind(self.split)
        if self.split is not None:
            raise ConfigError("--split and --split-column: give one of them")
        self._only("--split-column", "valid_share")
        return ColumnSplit(self.split_column, seed=self.split_seed, **self._given(valid="valid_share"))

    def default_for(self, ratings: Ratings) -> Splitter:
        """The splitter for ratings with or without times; says which.

        Raises:
            ConfigError: options that do not go with it.
            SplitError: a value out of its range.
        """
        kind = SplitKind.random if ratings.timestamps is None else SplitKind.time
        say(f"No split was requested; the default for ratings {'without' if kind == 'random' else 'with'} times is {kind}.")
        return self._by_kind(kind)

    def _by_kind(self, kind: SplitKind) -> Splitter:
        if kind == SplitKind.time:
            names = ("at", "fraction", "train_from", "test_until", "valid_share")
            self._only(kind, *names)
            given = self._given(**{name: name for name in names})
            if "at" not in given and "fraction" not in given:
                given["fraction"] = DEFAULT_FRACTION
                say(f"The future begins after {DEFAULT_FRACTION:.0%} of the ratings (--at or --fraction sets it).")
            return TimeSplit(seed=self.split_seed, **given)
        if kind == SplitKind.user_time:
            self._only(kind, "fraction", "last")
            given = self._given(fraction="fraction", last="last")
            if not given:
                given["fraction"] = DEFAULT_USER_FRACTION
                say(f"The last {DEFAULT_USER_FRACTION:.0%} of each user's ratings are test (--fraction or --last sets it).")
            return UserTimeSplit(**given)
        if kind == SplitKind.random:
            self._only(kind, "valid_share", "test_share")
            return RandomSplit(seed=self.split_seed, **self._given(valid="valid_share", test="test_share"))
        if kind == SplitKind.k_fold:
            self._only(kind, "valid_share", "folds", "fold")
            return KFoldSplit(seed=self.split_seed, **self._given(valid="valid_share", folds="folds", fold="fold"))
        self._only(kind)
        return NetflixSplit(kind.removeprefix("netflix-"), seed=self.split_seed)  # type: ignore[arg-type]

    def _given(self, **names: str) -> dict[str, Any]:
        """The options that were given, under the splitter's names for them."""
        return {theirs: getattr(self, ours) for theirs, ours in names.items() if getattr(self, ours) is not None}

    def _only(self, what: str, *allowed: str) -> None:
        optional = ("at", "fraction", "last", "train_from", "test_until", "valid_share", "test_share", "folds", "fold")
        for name in optional:
            if getattr(self, name) is not None and name not in allowed:
                raise ConfigError(f"--{name.replace('_', '-')} does not go with {what}")


def split(ratings: Ratings, splitter: Splitter) -> Split:
    """Split the ratings and say how it came out.

    Raises:
        SplitError: these ratings do not allow it.
    """
    for kind, other, number in (("user", "item", ratings.num_users), ("item", "user", ratings.num_items)):
        if number == 1:
            raise SplitError(
                f"there is a single {kind}, so no split is possible: each {other} has one rating, and it is either trained on "
                "or tested on",
                fix=f"Check that --{kind} names the right column, or give ratings of several {kind}s.",
            )
    parts = splitter.apply(ratings)
    for note in parts.notes:
        say(f"  {note}")
    say(f"split: {len(parts.train):,} train, {len(parts.valid):,} valid, {len(parts.test):,} test ratings")
    cold = sum(counts.ratings for counts in parts.cold.values())
    if cold:
        say(f"  {cold:,} ratings dropped from valid and test: their user or item is not in train")
    if cold > len(parts.valid) + len(parts.test) and isinstance(parts.splitter, TimeSplit):
        say("  That is most of them, so few users are left to score; --split user-time keeps the last ratings of every user.")
    for reason, number in parts.left_out.items():
        say(f"  {number:,} ratings left out: {reason}")
    return parts
