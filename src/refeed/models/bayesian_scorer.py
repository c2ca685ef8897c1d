"""Answers of the Bayesian factorisation: means and standard deviations over its draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.base import Scorer
from refeed.models.gaussian_rows import FeatureTable, PaddedRows, Posterior, padded_rows
from refeed.models.layers.sampled_linear import sampled_linear
from refeed.models.layers.sparse_linear import sum_of_rows
from refeed.models.row_digests import row_digests
from refeed.models.row_groups import for_each_group
from refeed.models.user_autoencoder import asked_places, centred

if TYPE_CHECKING:
    from refeed.models.bayesian_factorisation import BayesianModel

NOISE_ROUNDS = 3  # of finding a person's noise and their vector in turn
HIGHEST_PRECISION = 1e4  # of noise: a standard deviation of 1% of that of the ratings, so that float32 is enough


class BayesianScorer(Scorer):
    """See `BayesianModel`.

    Args:
        model: with at least one draw.
    """

    @torch.no_grad()
    def __init__(self, model: BayesianModel) -> None:
        self._model = model
        factors = model.items[..., :-1].float() / max(1, model.num_samples)
        self._item_factors = factors.flatten(1)  # n x (S k)
        self._item_bias = model.items[..., -1].mean(1, dtype=torch.float32)  # n

    @torch.no_grad()
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`."""
        del times
        asked, places, place_of_pair = asked_places(rows, items, history.num_items, self._model.device)
        factors, biases = self._users(history.rows(asked))
        sums = sampled_linear(factors, self._item_factors, places)
        sums += biases[places.row_of_entry] + self._item_bias[places.columns]
        return self._as_ratings(sums)[place_of_pair]

    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        factors, biases = self._users(history)
        return self._as_ratings(torch.addmm(self._item_bias, factors, self._item_factors.t()) + biases[:, None])

    @torch.no_grad()
    def predict_spread(
        self, history: History, rows: npt.NDArray[np.int64], items: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Standard deviation of each rating that is predicted, as far as the model knows: of posterior and noise together.

        The variance is that of the draws' predictions plus the means over the draws of f^T P^-1 f + v_u / w_i, where P^-1 is
        the person's posterior covariance within a draw, f = (q_i, 1), and v_u what is expected of 1 / a_u (of which the
        distribution is wide where they rated little).

        Args:
            history: what the model may see of B people.
            rows: int64 (P,), which of them is asked.
            items: int64 (P,), about which item.

        Returns:
            float32 (P,), in units of the ratings.
        """
        variances = torch.zeros(len(rows), device=self._model.device)
        asked, row_of_pair = np.unique(rows, return_inverse=True)
        order = np.argsort(row_of_pair, kind="stable")
        pairs_of = np.split(order, np.searchsorted(row_of_pair[order], np.arange(1, len(asked))))

        def work(group: PaddedRows, posterior: Posterior, noise: Tensor) -> None:
            means, noise_variance = posterior.mean(), self._expected_inverse(noise, group.counts)
            for place, person in enumerate(group.rows.tolist()):
                pairs = torch.from_numpy(pairs_of[person]).to(variances.device)
                columns = torch.from_numpy(items[pairs_of[person]]).to(variances.device)
                variances[pairs] = self._variances(
                    columns, means[:, place], posterior.cholesky[:, place], noise_variance[:, place]
                )

        self._fold_in(history.rows(asked), work)
        return np.asarray((self._model.deviation * variances.sqrt()).numpy(force=True), np.float32)

    def _expected_inverse(self, noise: Tensor, counts: Tensor) -> Tensor:
        """v, (S, g): of 1 / a for a ~ Gamma((nu + n) / 2, .) with the mean `noise`, (S, g), after n ratings, (g,)."""
        strength = self._model.spec.noise_strength
        return 1.0 / noise if strength is None else (strength + counts) / (strength + counts - 2.0) / noise

    def _variances(self, columns: Tensor, mean: Tensor, cholesky: Tensor, noise_variance: Tensor) -> Tensor:
        """Of p pairs of one person with means (S, d), Cholesky factors of the precisions (S, d, d) and noise variances (S,)."""
        vectors = self._model.items[columns].float().transpose(0, 1)  # S x p x d
        features = torch.cat((vectors[..., :-1], torch.ones_like(vectors[..., :1])), -1)
        predictions = (features @ mean[..., None]).squeeze(-1) + vectors[..., -1]  # S x p
        within = torch.linalg.solve_triangular(cholesky, features.mT, upper=False).square().sum(1)
        of_noise = noise_variance[:, None] / self._model.item_weights[columns].t()
        variances: Tensor = predictions.var(0, correction=0) + (within + of_noise).mean(0)
        return variances

    def _as_ratings(self, standardised: Tensor) -> npt.NDArray[np.float32]:
        model = self._model
        ratings: npt.NDArray[np.float32] = (model.mean + model.deviation * standardised).numpy(force=True)
        return ratings

    def _users(self, history: History) -> tuple[Tensor, Tensor]:
        """The factors of all draws side by side, (B, S k), and the mean bias, (B,), of each person."""
        model = self._model
        known = torch.from_numpy(history.users.clip(min=0)).to(model.device)
        vectors = model.users[known].float()  # B x S x d
        is_changed = (history.users < 0) | (model.digests[known].numpy(force=True) != row_digests(history))
        changed = np.flatnonzero(is_changed)
        if len(changed):
            places = torch.from_numpy(changed).to(model.device)

            def work(group: PaddedRows, posterior: Posterior, noise: Tensor) -> None:
                del noise
                vectors[places[group.rows]] = posterior.mean().transpose(0, 1)

            self._fold_in(history.rows(changed), work)
        return vectors[..., :-1].flatten(1), vectors[..., -1].mean(1)

    def _fold_in(self, history: History, work: Callable[[PaddedRows, Posterior, Tensor], None]) -> None:
        """`work` of every group of people, the posterior of their vectors (S, g, d) and the precision of their noise (S, g)."""
        model = self._model
        common = model.noise_precision[:, None]
        means = model.prior_mean[:, None] + choices_of(history, model.choice_loadings) @ model.choice_weights  # S x B x d

        def of_group(group: PaddedRows) -> None:
            products, prior = self._table.products(group), (means[:, group.rows], model.prior_precision[:, None])
            noise = common.expand(-1, len(group.rows))  # S x g
            posterior = Posterior(products, *prior, noise)
            if (strength := model.spec.noise_strength) is not None:
                for _ in range(NOISE_ROUNDS):
                    errors = posterior.expected_squared_errors()
                    noise = ((strength + group.counts) / (strength / common + errors)).clamp(max=HIGHEST_PRECISION)
                    posterior = Posterior(products, *prior, noise)
            work(group, posterior, noise)

        width = self._table.samples * self._table.width
        groups = padded_rows(self._standardised(history), model.device, width=width)
        for_each_group(of_group, groups, device=model.device)

    @cached_property
    def _table(self) -> FeatureTable:
        model = self._model
        return FeatureTable(model.items.float().transpose(0, 1), model.item_weights.t())

    def _standardised(self, history: History) -> History:
        return standardised(history, self._model.mean.item(), self._model.deviation.item())


def standardised(history: History, mean: float, deviation: float) -> History:
    """The history with ratings less the mean, divided by the deviation (0 where that is 0)."""
    moved = centred(history, np.full(history.num_ratings, mean, np.float32))
    moved.values[:] *= 1.0 / deviation if deviation else 0.0
    return moved


def choices_of(history: History, loadings: Tensor) -> Tensor:
    """s: what each person rated at all, (B, f): the sum of the items' loadings (n, f) over the square root of their number."""
    counts = torch.from_numpy(history.counts).to(loadings)
    columns = torch.from_numpy(history.indices).to(loadings.device)
    pointers = torch.from_numpy(history.indptr).to(loadings.device)
    sums = sum_of_rows(columns, loadings, pointers, torch.ones(len(columns), device=loadings.device))
    return sums / counts.clamp(min=1.0).sqrt()[:, None]
