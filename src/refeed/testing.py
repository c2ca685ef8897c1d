"""The tests that every model passes, for models of your own; they need pytest.

    from refeed.testing import ModelContract

    class TestMyModel(ModelContract):
        spec = MyModel(factors=3)

pytest then runs all of them on a small random world. The kind has to be known: see `refeed.models.register`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from refeed.data.history import History
from refeed.data.ratings import Ratings, RatingScale
from refeed.data.splits.base import Split
from refeed.data.splits.random import RandomSplit
from refeed.data.vocabulary import Id
from refeed.errors import DataError, InterruptedTrainingError
from refeed.fitted_model import FittedModel, load
from refeed.inference.recommend import recommend
from refeed.models import Spec
from refeed.optim.options import TrainingOptions
from refeed.progress import Event
from refeed.runtime import Runtime
from refeed.training.events import StepFinished
from refeed.training.train import train

STARS = RatingScale(1.0, 5.0)
OPTIONS = TrainingOptions(epochs=5, batch_size=5, learning_rate=0.03)
RUNTIME = Runtime(threads=1, seed=3)


def ratings_of(*triples: tuple[Id, Id, float], scale: RatingScale = STARS, **columns: Any) -> Ratings:
    """Ratings from (user, item, rating); `columns` are further arguments of `Ratings.from_columns`."""
    users, items, values = zip(*triples, strict=True)
    return Ratings.from_columns(list(users), list(items), values, scale=scale, **columns)


def history_of(*rows: Mapping[int, float], num_items: int, users: Sequence[int] | None = None) -> History:
    """A history from one {item position: rating} a user; `users` are their positions in training, new ones unless given."""
    return History(
        indptr=np.cumsum([0, *map(len, rows)], dtype=np.int64),
        indices=np.array([item for row in rows for item in sorted(row)], np.int64),
        values=np.array([row[item] for row in rows for item in sorted(row)], np.float32),
        num_items=num_items,
        users=np.full(len(rows), -1, np.int64) if users is None else np.asarray(users, np.int64),
    )


def random_ratings(*, users: int = 24, items: int = 15, share: float = 0.4, seed: int = 0, named: bool = False) -> Ratings:
    """Stars for a share of the pairs: 3 + user's and item's bias + one hidden factor, rounded.

    Ids are whole numbers, those of items multiples of 10, or with `named` texts.
    """
    rng = np.random.default_rng(seed)
    expected = 3 + rng.normal(0, 0.5, (users, 1)) + rng.normal(0, 0.7, (1, items))
    expected = expected + rng.normal(size=(users, 1)) @ rng.normal(size=(1, items))
    rated = rng.random((users, items)) < share
    rated[np.arange(users), np.arange(users) % items] = True
    rows, columns = np.nonzero(rated)
    values = np.clip(np.round(expected[rows, columns]), 1, 5)
    if named:
        return ratings_of(*((f"user {r}", f"item {c}", v) for r, c, v in zip(rows, columns, values, strict=True)))
    return ratings_of(*((int(r), 10 * int(c), v) for r, c, v in zip(rows, columns, values, strict=True)))


def with_times(ratings: Ratings, *, days: int = 60, seed: int = 0) -> Ratings:
    """The same ratings, each given at some second of the first days of 2000."""
    seconds = np.random.default_rng(seed).integers(0, days * 86_400, len(ratings))
    return replace(ratings, timestamps=946_684_800 + seconds)


def random_split(*, given: Callable[[Ratings], Ratings] = lambda ratings: ratings, **options: Any) -> Split:
    """`random_ratings`, or what `given` makes of them, split at random."""
    return RandomSplit(valid=0.15, test=0.15, seed=1).apply(given(random_ratings(**options)))


def split_of(train: Ratings, valid: Ratings | None = None, test: Ratings | None = None) -> Split:
    """A split from its parts, which are under one vocabulary; train stands in for a part not given."""
    return Split(
        train=train,
        valid=train if valid is None else valid,
        test=train if test is None else test,
        splitter=RandomSplit(),
        cold={},
        left_out={},
        notes=(),
        source_fingerprint="the source",
    )


class InterruptAfter:
    """Presses Ctrl-C `times` times after a number of training steps."""

    def __init__(self, steps: int, *, times: int = 1) -> None:
        self.left, self.times = steps, times

    def __call__(self, event: Event) -> None:
        """Count the steps of training."""
        if isinstance(event, StepFinished):
            self.count()

    def count(self) -> None:
        """Count a step."""
        self.left -= 1
        if self.left == 0:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def training_ratings(fitted: FittedModel) -> Ratings:
    """The training ratings that a fitted model keeps."""
    assert fitted.histories is not None
    return fitted.histories


def predictions_of(fitted: FittedModel) -> npt.NDArray[np.float32]:
    """Predictions of all items for all training users, float32 (m, n)."""
    return fitted.model.scorer().score_rows(training_ratings(fitted).rows())


def timeless(log: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A training log without what depends on the clock."""
    return [{key: value for key, value in record.items() if "second" not in key} for record in log]


class ModelContract:
    """What every model must do; a subclass whose name begins with Test gives the description.

    Attributes:
        spec: the description of the model, small enough for a quick test.
        level_spec: the description for ratings that are all equal, where the model cannot learn their level so quickly.
        level_tolerance: how far predictions may be from ratings that are all equal.
    """

    spec: Spec
    level_spec: Spec | None = None
    level_tolerance: float = 1e-5

    @staticmethod
    def given(ratings: Ratings) -> Ratings:
        """The ratings with whatever else the model needs, for example times."""
        return ratings

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls) -> FittedModel:
        """The model, trained once for all tests of a class."""
        return train(cls.spec, random_split(given=cls.given), OPTIONS, runtime=RUNTIME)

    def test_fitting_explains_more_than_the_mean_does(self, fitted: FittedModel) -> None:
        history = training_ratings(fitted).rows()
        predicted = fitted.model.scorer().predict_pairs(history, history.row_of_rating, history.indices)
        assert np.square(predicted - history.values).mean() < 0.9 * np.var(history.values)

    def test_fitting_is_a_function_of_the_seed(self, fitted: FittedModel) -> None:
        again = train(self.spec, random_split(given=self.given), OPTIONS, runtime=RUNTIME)
        assert np.array_equal(predictions_of(again), predictions_of(fitted))
        assert timeless(again.provenance.log) == timeless(fitted.provenance.log)

    def test_interrupted_and_resumed_run_equals_the_uninterrupted_one(self, fitted: FittedModel, tmp_path: Path) -> None:
        split = random_split(given=self.given)
        with pytest.raises(InterruptedTrainingError, match="resume to continue"):
            train(self.spec, split, OPTIONS, runtime=RUNTIME, progress=InterruptAfter(1), checkpoint_folder=tmp_path)
        resumed = train(self.spec, split, OPTIONS, runtime=RUNTIME, checkpoint_folder=tmp_path, resume=True)
        assert np.array_equal(predictions_of(resumed), predictions_of(fitted))
        assert timeless(resumed.provenance.log) == timeless(fitted.provenance.log)

    def test_saved_and_loaded_model_predicts_the_same(self, fitted: FittedModel, tmp_path: Path) -> None:
        fitted.save(tmp_path / "model")
        loaded = load(tmp_path / "model")
        assert (loaded.spec, loaded.users, loaded.items, loaded.scale) == (self.spec, fitted.users, fitted.items, fitted.scale)
        assert np.array_equal(predictions_of(loaded), predictions_of(fitted))
        stranger = history_of({0: 5.0, 3: 1.0}, num_items=len(fitted.items))
        assert np.array_equal(loaded.model.scorer().score_rows(stranger), fitted.model.scorer().score_rows(stranger))

    def test_pairs_are_the_entries_of_the_rows(self, fitted: FittedModel) -> None:
        history, n = training_ratings(fitted).rows([5, 2, 9]), len(fitted.items)
        rows, items = np.divmod(np.random.default_rng(0).permutation(3 * n), n)
        scorer = fitted.model.scorer()
        expected = scorer.score_rows(history)[rows, items]
        np.testing.assert_allclose(scorer.predict_pairs(history, rows, items), expected, rtol=1e-5, atol=1e-5)

    def test_kept_scorer_predicts_as_a_new_one(self, fitted: FittedModel) -> None:
        history, kept = training_ratings(fitted).rows([5, 2, 9]), fitted.model.scorer()
        rows, items = np.array([2, 0, 2]), np.array([1, 3, 0])
        for _ in range(2):
            new = fitted.model.scorer()
            assert np.array_equal(kept.score_rows(history), new.score_rows(history))
            assert np.array_equal(kept.predict_pairs(history, rows, items), new.predict_pairs(history, rows, items))

    def test_pairs_may_be_repeated(self, fitted: FittedModel) -> None:
        history, n = training_ratings(fitted).rows([4]), len(fitted.items)
        items = np.tile(np.arange(n)[::-1], 3)
        scorer = fitted.model.scorer()
        predicted = scorer.predict_pairs(history, np.zeros(3 * n, np.int64), items)
        np.testing.assert_allclose(predicted, scorer.score_rows(history)[0][items], rtol=1e-5, atol=1e-5)

    def test_no_pairs_give_no_predictions(self, fitted: FittedModel) -> None:
        nothing = np.empty(0, np.int64)
        scorer = fitted.model.scorer()
        assert scorer.predict_pairs(training_ratings(fitted).rows([0]), nothing, nothing).shape == (0,)
        assert scorer.score_rows(training_ratings(fitted).rows([])).shape == (0, len(fitted.items))

    def test_prediction_does_not_depend_on_other_users(self, fitted: FittedModel) -> None:
        together = predictions_of(fitted)
        scorer = fitted.model.scorer()
        alone = np.concatenate([scorer.score_rows(training_ratings(fitted).rows([user])) for user in range(len(fitted.users))])
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)

    def test_new_users_are_predicted_from_their_history(self, fitted: FittedModel) -> None:
        n = len(fitted.items)
        happy, grumpy = dict.fromkeys(range(n), 5.0), dict.fromkeys(range(n), 1.0)
        scores = fitted.model.scorer().score_rows(history_of(happy, grumpy, {}, num_items=n))
        assert scores.shape == (3, n) and np.isfinite(scores).all()
        assert scores[0].mean() > scores[1].mean() + 0.5

    def test_scoring_changes_neither_history_nor_model(self, fitted: FittedModel) -> None:
        history = training_ratings(fitted).rows([1, 2])
        before = history.values.copy(), {name: tensor.clone() for name, tensor in fitted.model.state_dict().items()}
        scorer = fitted.model.scorer()
        first = scorer.score_rows(history)
        assert np.array_equal(scorer.score_rows(history), first)
        assert np.array_equal(history.values, before[0])
        assert all(bool((fitted.model.state_dict()[name] == tensor).all()) for name, tensor in before[1].items())

    def test_recommending_names_unknown_users_and_items(self, fitted: FittedModel) -> None:
        with pytest.raises(DataError, match="unknown user 999999: not among the 24 users known here"):
            recommend(fitted, 999999)
        with pytest.raises(DataError, match="unknown item -7"):
            recommend(fitted, {-7: 3.0})

    @pytest.mark.parametrize("shape", [(1, 6), (6, 1)], ids=["one user", "one item"])
    def test_one_user_or_one_item_is_enough(self, shape: tuple[int, int]) -> None:
        users, items = shape
        triples = [(user, item, 1.0 + (user + item) % 5) for user in range(users) for item in range(items)]
        fitted = train(self.spec, split_of(self.given(ratings_of(*triples))), OPTIONS, runtime=RUNTIME)
        assert predictions_of(fitted).shape == shape and np.isfinite(predictions_of(fitted)).all()

    def test_equal_ratings_are_predicted_as_they_are(self) -> None:
        ratings = self.given(random_ratings())
        equal = replace(ratings, values=np.full(len(ratings), 4.0, np.float32))
        fitted = train(self.level_spec or self.spec, split_of(equal), OPTIONS, runtime=RUNTIME)
        np.testing.assert_allclose(predictions_of(fitted), 4.0, atol=self.level_tolerance)
