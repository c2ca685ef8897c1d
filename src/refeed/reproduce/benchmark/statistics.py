"""What the benchmark's predictions say: errors with intervals, differences to the best, and who is served how well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
import numpy.typing as npt

from refeed.data.splits.base import Split
from refeed.errors import DataError
from refeed.metrics.intervals import Interval, PairedDifference, bootstrap_intervals, holm, paired_difference
from refeed.metrics.rating_errors import errors_of, sums_by_group
from refeed.reproduce.benchmark.benchmark import BenchmarkResult, SystemResult

RESAMPLES = 2000  # so that even the smallest p-value of 15 tests stays below 0.05 when it is corrected for their number
SLICES = 5


@dataclass(frozen=True, eq=False)
class Slices:
    """The test ratings cut by how often their user, or their item, occurs in training, into about equal parts.

    Attributes:
        group_of_rating: int64 (P,), the slice of each test rating.
        spans: smallest and largest number of training ratings in each slice.
        ratings: number of test ratings of each slice.
    """

    group_of_rating: npt.NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]
    ratings: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SystemScore:
    """A system on the test part; sums and means are over the seeds too, so that a lucky one decides nothing.

    Attributes:
        result: what it was computed from.
        rmse, mae: of predictions clipped to the scale, over all test ratings and seeds.
        rmse_interval, mae_interval: 95%, by bootstrap over users; how much seeds differ is not in them, see `rmse_of_seeds`.
        rmse_unclipped: of predictions as they are.
        rmse_of_seeds: the RMSE of each seed.
        rmse_by_activity, rmse_by_popularity: of each slice of `BenchmarkScores`.
        squared_by_user: float64 (U,), each user's sum of squared errors, mean over the seeds.
    """

    result: SystemResult
    rmse: float
    mae: float
    rmse_interval: Interval
    mae_interval: Interval
    rmse_unclipped: float
    rmse_of_seeds: tuple[float, ...]
    rmse_by_activity: tuple[float, ...]
    rmse_by_popularity: tuple[float, ...]
    squared_by_user: npt.NDArray[np.float64]

    @property
    def spread(self) -> float | None:
        """Standard deviation of the RMSE over the seeds; None of a single one."""
        return stdev(self.rmse_of_seeds) if len(self.rmse_of_seeds) > 1 else None

    @property
    def seconds(self) -> float:
        """Of training, mean over the seeds."""
        return fmean(outcome.seconds for outcome in self.result.tested)

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return self.result.tested[0].parameters

    @property
    def peak_memory(self) -> int:
        """Bytes, the most of all seeds."""
        return max(outcome.peak_memory for outcome in self.result.tested)


@dataclass(frozen=True)
class ToBest:
    """How a system differs from the best one.

    Attributes:
        name: of the system.
        paired: its RMSE less that of the best.
        adjusted: the p-value, corrected for the number of systems compared (Holm).
    """

    name: str
    paired: PairedDifference
    adjusted: float


@dataclass(frozen=True, eq=False)
class BenchmarkScores:
    """All that the benchmark's tables and figures show.

    Attributes:
        benchmark: what it was computed from.
        scores: of the systems that have predictions, best first.
        to_best: of all but the first of `scores`, in their order.
        activity: slices by the user's number of training ratings.
        popularity: slices by the item's number of training ratings.
        failed: titles of the systems of which every run diverged.
    """

    benchmark: BenchmarkResult
    scores: tuple[SystemScore, ...]
    to_best: tuple[ToBest, ...]
    activity: Slices
    popularity: Slices
    failed: tuple[str, ...]

    def of(self, name: str) -> SystemScore | None:
        """The score of the system of that name, None where it has none."""
        return next((score for score in self.scores if score.result.system.name == name), None)

    def difference(self, first: str, second: str) -> PairedDifference | None:
        """RMSE of the first system less that of the second, None where one of them has no score."""
        a, b = self.of(first), self.of(second)
        return None if a is None or b is None else _difference(a, b, self.benchmark.split)


def score_benchmark(benchmark: BenchmarkResult) -> BenchmarkScores:
    """Compare the predictions with the test ratings.

    Raises:
        DataError: every run of every system diverged, so there is nothing to compare.
    """
    split = benchmark.split
    activity, popularity = slices(split.train.user_counts[_user_of_rating(split)]), _by_popularity(split)
    tested = [result for result in benchmark.results if result.tested]
    if not tested:
        raise DataError("benchmark: every run of every system diverged; lower the learning rates or look at the ratings")
    scores = sorted((_score(one, split, activity, popularity) for one in tested), key=lambda score: score.rmse)
    paired = [_difference(score, scores[0], split) for score in scores[1:]]
    adjusted = holm([one.p_value for one in paired])
    to_best = (
        ToBest(score.result.system.name, one, float(p)) for score, one, p in zip(scores[1:], paired, adjusted, strict=True)
    )
    failed = tuple(result.system.title for result in benchmark.results if not result.tested)
    return BenchmarkScores(benchmark, tuple(scores), tuple(to_best), activity, popularity, failed)


def slices(counts: npt.NDArray[np.int64], parts: int = SLICES) -> Slices:
    """Cut P ratings into about equal parts by a number that each has; ratings of one number stay together.

    Args:
        counts: int64 (P,), number of training ratings of each test rating's user or item.
        parts: how many, at least 1; fewer come out where few numbers differ.
    """
    numbers, place, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    middles = (np.cumsum(sizes) - sizes / 2) / len(counts)  # where the ratings of each number lie among all, 0 to 1
    _, part_of_number = np.unique(np.floor(middles * parts), return_inverse=True)
    groups = part_of_number[place].astype(np.int64)
    spans = tuple(
        (int(them[0]), int(them[-1])) for them in (numbers[part_of_number == part] for part in range(part_of_number.max() + 1))
    )
    return Slices(groups, spans, tuple(np.bincount(groups).tolist()))


def _by_popularity(split: Split) -> Slices:
    return slices(split.train.item_counts[split.test.indices])


def _user_of_rating(split: Split) -> npt.NDArray[np.int64]:
    """User of each test rating, int64 (P,)."""
    return np.repeat(np.arange(split.test.num_users), split.test.user_counts)


def _score(result: SystemResult, split: Split, activity: Slices, popularity: Slices) -> SystemScore:
    users, counts = _user_of_rating(split), split.test.user_counts
    clipped = list(_clipped_errors(result, split))
    squared = np.mean([errors**2 for errors in clipped], axis=0)  # (P,), mean over the seeds
    absolute = np.mean([np.abs(errors) for errors in clipped], axis=0)  # (P,)
    squared_by_user = sums_by_group(users, squared, split.test.num_users)
    absolute_by_user = sums_by_group(users, absolute, split.test.num_users)
    rmse_interval, mae_interval = bootstrap_intervals(squared_by_user, absolute_by_user, counts, resamples=RESAMPLES)
    unclipped = [errors_of(split.test.values, outcome.test_predictions()) for outcome in result.tested]
    return SystemScore(
        result=result,
        rmse=float(np.sqrt(squared.mean())),
        mae=float(absolute.mean()),
        rmse_interval=rmse_interval,
        mae_interval=mae_interval,
        rmse_unclipped=float(np.sqrt(np.mean([np.square(errors).mean() for errors in unclipped]))),
        rmse_of_seeds=tuple(float(np.sqrt(np.square(errors).mean())) for errors in clipped),
        rmse_by_activity=_of_slices(squared, activity),
        rmse_by_popularity=_of_slices(squared, popularity),
        squared_by_user=squared_by_user,
    )


def _clipped_errors(result: SystemResult, split: Split) -> Iterator[npt.NDArray[np.float64]]:
    """Errors of each seed, predictions clipped to the scale, float64 (P,)."""
    for outcome in result.tested:
        yield errors_of(split.test.values, split.train.scale.clip(outcome.test_predictions()))


def _of_slices(squared: npt.NDArray[np.float64], cut: Slices) -> tuple[float, ...]:
    sums = sums_by_group(cut.group_of_rating, squared, len(cut.ratings))
    return tuple(np.sqrt(sums / cut.ratings).tolist())


def _difference(first: SystemScore, second: SystemScore, split: Split) -> PairedDifference:
    return paired_difference(first.squared_by_user, second.squared_by_user, split.test.user_counts, resamples=RESAMPLES)
