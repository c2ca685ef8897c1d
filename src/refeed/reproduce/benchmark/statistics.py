"""The scores of the benchmark's systems: errors with intervals, differences to the best, and errors by slice."""

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

RESAMPLES = 2000  # so that even the smallest p-value of 15 tests stays below 0.05 when corrected for their number
SLICES = 5


@dataclass(frozen=True, eq=False)
class Slices:
    """The test ratings sliced by how often their user (or item) occurs in training, into about equal parts.

    Attributes:
        group_of_rating: int64 (P,), the slice of each test rating.
        spans: smallest and largest number of training ratings in each slice.
        ratings: number of test ratings in each slice.
    """

    group_of_rating: npt.NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]
    ratings: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SystemScore:
    """The errors of a system on the test set, averaged over the seeds.

    Attributes:
        result: what it was computed from.
        rmse, mae: of predictions clipped to the scale, over all test ratings and seeds.
        rmse_interval, mae_interval: 95%, by bootstrap over users; the variance over seeds is not in them, see `rmse_of_seeds`.
        rmse_unclipped: of predictions that are not clipped.
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
    def deviation(self) -> float | None:
        """Standard deviation of the RMSE over the seeds; None for a single seed."""
        return stdev(self.rmse_of_seeds) if len(self.rmse_of_seeds) > 1 else None

    @property
    def seconds(self) -> float:
        """Training time, mean over the seeds."""
        return fmean(outcome.seconds for outcome in self.result.tested)

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return self.result.tested[0].parameters

    @property
    def peak_memory(self) -> int:
        """Bytes, the maximum over the seeds."""
        return max(outcome.peak_memory for outcome in self.result.tested)


@dataclass(frozen=True)
class DifferenceToBest:
    """How a system differs from the best one.

    Attributes:
        name: of the system.
        paired: its RMSE minus that of the best.
        adjusted: the p-value, corrected for the number of systems compared (Holm).
    """

    name: str
    paired: PairedDifference
    adjusted: float


@dataclass(frozen=True, eq=False)
class BenchmarkScores:
    """Everything that the benchmark's tables and figures show.

    Attributes:
        benchmark: what it was computed from.
        scores: of the systems that have predictions, best first.
        differences_to_best: of all but the first of `scores`, in their order.
        activity: slices by the user's number of training ratings.
        popularity: slices by the item's number of training ratings.
        failed: titles of the systems of which every run diverged.
    """

    benchmark: BenchmarkResult
    scores: tuple[SystemScore, ...]
    differences_to_best: tuple[DifferenceToBest, ...]
    activity: Slices
    popularity: Slices
    failed: tuple[str, ...]

    def of(self, name: str) -> SystemScore | None:
        """The score of the system of that name, None where it has none."""
        return next((score for score in self.scores if score.result.system.name == name), None)

    def difference(self, first: str, second: str) -> PairedDifference | None:
        """RMSE of the first system minus that of the second, None where one of them has no score."""
        a, b = self.of(first), self.of(second)
        return None if a is None or b is None else _difference(a, b, self.benchmark.split)


def score_benchmark(benchmark: BenchmarkResult) -> BenchmarkScores:
    """Compare the predictions with the test ratings.

    Raises:
        DataError: every run of every system diverged, so that there is nothing to compare.
    """
    split = benchmark.split
    activity = slices(split.train.user_counts[_user_of_rating(split)])
    popularity = slices(split.train.item_counts[split.test.indices])
    tested = [result for result in benchmark.results if result.tested]
    if not tested:
        raise DataError("benchmark: every run of every system diverged; lower the learning rates or check the ratings")
    scores = sorted((_score(result, split, activity, popularity) for result in tested), key=lambda score: score.rmse)
    return BenchmarkScores(
        benchmark=benchmark,
        scores=tuple(scores),
        differences_to_best=_differences_to_best(scores, split),
        activity=activity,
        popularity=popularity,
        failed=tuple(result.system.title for result in benchmark.results if not result.tested),
    )


def slices(counts: npt.NDArray[np.int64], parts: int = SLICES) -> Slices:
    """Slice P ratings into about equal parts by a count that each has; ratings of equal counts stay together.

    Args:
        counts: int64 (P,), number of training ratings of each test rating's user or item.
        parts: number of slices, at least 1; fewer where there are few distinct counts.
    """
    distinct, index, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    middles = (np.cumsum(sizes) - sizes / 2) / len(counts)  # where the ratings of each count lie among all, 0 to 1
    _, part_of_count = np.unique(np.floor(middles * parts), return_inverse=True)
    groups = part_of_count[index].astype(np.int64)
    counts_of_part = (distinct[part_of_count == part] for part in range(part_of_count.max() + 1))
    spans = tuple((int(of_part[0]), int(of_part[-1])) for of_part in counts_of_part)
    return Slices(groups, spans, tuple(np.bincount(groups).tolist()))


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
        rmse_by_activity=_rmse_of_slices(squared, activity),
        rmse_by_popularity=_rmse_of_slices(squared, popularity),
        squared_by_user=squared_by_user,
    )


def _clipped_errors(result: SystemResult, split: Split) -> Iterator[npt.NDArray[np.float64]]:
    """Errors of each seed, predictions clipped to the scale, float64 (P,)."""
    for outcome in result.tested:
        yield errors_of(split.test.values, split.train.scale.clip(outcome.test_predictions()))


def _rmse_of_slices(squared: npt.NDArray[np.float64], of: Slices) -> tuple[float, ...]:
    sums = sums_by_group(of.group_of_rating, squared, len(of.ratings))
    return tuple(np.sqrt(sums / of.ratings).tolist())


def _differences_to_best(scores: list[SystemScore], split: Split) -> tuple[DifferenceToBest, ...]:
    best, *others = scores
    paired = [_difference(score, best, split) for score in others]
    adjusted = holm([difference.p_value for difference in paired]).tolist()
    names = [score.result.system.name for score in others]
    return tuple(map(DifferenceToBest, names, paired, adjusted))


def _difference(first: SystemScore, second: SystemScore, split: Split) -> PairedDifference:
    return paired_difference(first.squared_by_user, second.squared_by_user, split.test.user_counts, resamples=RESAMPLES)
