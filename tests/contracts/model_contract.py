"""What every model must do; a test class for each entry of `refeed.models.MODELS` inherits it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import (
    InterruptAfter,
    history_of,
    predictions_of,
    random_ratings,
    random_split,
    ratings_of,
    split_of,
    timeless,
)
from refeed.data.ratings import Ratings
from refeed.errors import DataError, InterruptedTrainingError
from refeed.fitted_model import load
from refeed.inference.recommend import recommend
from refeed.models import AutoEncoder, Spec
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

OPTIONS = TrainingOptions(epochs=5, batch_size=5, learning_rate=0.03)
RUNTIME = Runtime(threads=1, seed=3)


class ModelContract:
    """A subclass gives the `spec`, and what a model of its kind can be expected to do after so short a training.

    Attributes:
        level_tolerance: how far predictions may be from ratings that are all equal.
    """

    spec: Spec
    level_tolerance: float = 1e-5

    @staticmethod
    def given(ratings: Ratings) -> Ratings:
        """The ratings with what the model needs beside them."""
        return ratings

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls):
        return train(cls.spec, random_split(given=cls.given), OPTIONS, runtime=RUNTIME)

    def test_fitting_explains_more_than_the_mean_does(self, fitted):
        ratings = fitted.histories
        predicted = fitted.model.scorer().predict_pairs(
            ratings.rows(), ratings.row_of_rating.astype(np.int64), ratings.rows().indices
        )
        assert np.square(predicted - ratings.values).mean() < 0.9 * np.var(ratings.values)

    def test_fitting_is_a_function_of_the_seed(self, fitted):
        again = train(self.spec, random_split(given=self.given), OPTIONS, runtime=RUNTIME)
        assert np.array_equal(predictions_of(again), predictions_of(fitted))
        assert timeless(again.provenance.log) == timeless(fitted.provenance.log)

    def test_interrupted_and_resumed_run_equals_the_uninterrupted_one(self, fitted, tmp_path):
        split = random_split(given=self.given)
        with pytest.raises(InterruptedTrainingError, match="resume to go on"):
            train(self.spec, split, OPTIONS, runtime=RUNTIME, progress=InterruptAfter(1), checkpoint_folder=tmp_path)
        resumed = train(self.spec, split, OPTIONS, runtime=RUNTIME, checkpoint_folder=tmp_path, resume=True)
        assert np.array_equal(predictions_of(resumed), predictions_of(fitted))
        assert timeless(resumed.provenance.log) == timeless(fitted.provenance.log)

    def test_saved_and_loaded_model_predicts_the_same(self, fitted, tmp_path):
        fitted.save(tmp_path / "model")
        loaded = load(tmp_path / "model")
        assert (loaded.spec, loaded.users, loaded.items, loaded.scale) == (self.spec, fitted.users, fitted.items, fitted.scale)
        assert np.array_equal(predictions_of(loaded), predictions_of(fitted))
        stranger = history_of({0: 5.0, 3: 1.0}, num_items=len(fitted.items))
        assert np.array_equal(loaded.model.scorer().score_rows(stranger), fitted.model.scorer().score_rows(stranger))

    def test_pairs_are_the_entries_of_the_rows(self, fitted):
        history, n = fitted.histories.rows([5, 2, 9]), len(fitted.items)
        rows, items = np.divmod(np.random.default_rng(0).permutation(3 * n), n)
        scorer = fitted.model.scorer()
        expected = scorer.score_rows(history)[rows, items]
        np.testing.assert_allclose(scorer.predict_pairs(history, rows, items), expected, rtol=1e-5, atol=1e-5)

    def test_kept_scorer_answers_as_a_new_one_does(self, fitted):
        history, kept = fitted.histories.rows([5, 2, 9]), fitted.model.scorer()
        rows, items = np.array([2, 0, 2]), np.array([1, 3, 0])
        for _ in range(2):
            new = fitted.model.scorer()
            assert np.array_equal(kept.score_rows(history), new.score_rows(history))
            assert np.array_equal(kept.predict_pairs(history, rows, items), new.predict_pairs(history, rows, items))

    def test_pairs_may_repeat_more_often_than_there_are_places(self, fitted):
        history, n = fitted.histories.rows([4]), len(fitted.items)
        items = np.tile(np.arange(n)[::-1], 3)
        scorer = fitted.model.scorer()
        predicted = scorer.predict_pairs(history, np.zeros(3 * n, np.int64), items)
        np.testing.assert_allclose(predicted, scorer.score_rows(history)[0][items], rtol=1e-5, atol=1e-5)

    def test_no_pairs_give_no_predictions(self, fitted):
        nothing = np.empty(0, np.int64)
        scorer = fitted.model.scorer()
        assert scorer.predict_pairs(fitted.histories.rows([0]), nothing, nothing).shape == (0,)
        assert scorer.score_rows(fitted.histories.rows([])).shape == (0, len(fitted.items))

    def test_prediction_does_not_depend_on_who_else_is_asked_about(self, fitted):
        together = predictions_of(fitted)
        scorer = fitted.model.scorer()
        alone = np.concatenate([scorer.score_rows(fitted.histories.rows([user])) for user in range(len(fitted.users))])
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)

    def test_new_person_is_a_history_and_not_a_retraining(self, fitted):
        n = len(fitted.items)
        happy, grumpy, silent = dict.fromkeys(range(n), 5.0), dict.fromkeys(range(n), 1.0), {}
        scores = fitted.model.scorer().score_rows(history_of(happy, grumpy, silent, num_items=n))
        assert scores.shape == (3, n) and np.isfinite(scores).all()
        assert scores[0].mean() > scores[1].mean() + 0.5

    def test_scoring_changes_neither_history_nor_model(self, fitted):
        history = fitted.histories.rows([1, 2])
        before = history.values.copy(), {name: tensor.clone() for name, tensor in fitted.model.state_dict().items()}
        scorer = fitted.model.scorer()
        first = scorer.score_rows(history)
        assert np.array_equal(scorer.score_rows(history), first)
        assert np.array_equal(history.values, before[0])
        assert all(bool((fitted.model.state_dict()[name] == tensor).all()) for name, tensor in before[1].items())

    def test_recommending_names_unknown_users_and_items(self, fitted):
        with pytest.raises(DataError, match="unknown user 999999: not among the 24 users known here"):
            recommend(fitted, 999999)
        with pytest.raises(DataError, match="unknown item -7"):
            recommend(fitted, {-7: 3.0})

    @pytest.mark.parametrize("shape", [(1, 6), (6, 1)], ids=["one user", "one item"])
    def test_one_user_or_one_item_is_enough(self, shape):
        users, items = shape
        triples = [(user, item, 1.0 + (user + item) % 5) for user in range(users) for item in range(items)]
        fitted = train(self.spec, split_of(self.given(ratings_of(*triples))), OPTIONS, runtime=RUNTIME)
        assert predictions_of(fitted).shape == shape and np.isfinite(predictions_of(fitted)).all()

    def test_equal_ratings_are_predicted_as_they_are(self):
        ratings = self.given(random_ratings())
        equal = replace(ratings, values=np.full(len(ratings), 4.0, np.float32))
        spec = replace(self.spec, offsets="bias") if isinstance(self.spec, AutoEncoder) else self.spec
        fitted = train(spec, split_of(equal), OPTIONS, runtime=RUNTIME)
        np.testing.assert_allclose(predictions_of(fitted), 4.0, atol=self.level_tolerance)
