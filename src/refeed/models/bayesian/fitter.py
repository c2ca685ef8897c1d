"""Fits the Bayesian factorisation by Gibbs sampling: each block of variables is drawn given all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, StepReport
from refeed.models.bayesian.choice_features import choice_features
from refeed.models.bayesian.draws import Sample
from refeed.models.bayesian.model import BayesianModel
from refeed.models.bayesian.priors import RowPrior, draw_prior
from refeed.models.bayesian.regression import FeatureTable, PaddedRows, Posterior, padded_rows
from refeed.models.bayesian.scorer import HIGHEST_PRECISION, standardised
from refeed.models.bayesian.session_draws import SessionDraws
from refeed.models.bayesian.session_sums import SessionSums
from refeed.models.bayesian.sessions import Sessions
from refeed.models.bayesian.spec import BayesianFactorisation
from refeed.models.common.building import new_model
from refeed.models.common.row_groups import for_each_group
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.seeds import derive_seed

FIRST_VARIANCE = 0.3  # of the products of the initial factors, in units of the variance of the ratings

ProductsOf = Callable[[PaddedRows], tuple[Tensor, SessionSums | None]]
"""The products of features and targets of a group of rows, and sums over their sessions where effects are integrated out."""


class GibbsSide:
    """The users or the items: their part of the chain's state.

    Args:
        history: the standardised ratings of r rows.
        choices: features of the set of columns that each row rated, (r, f).
        factors: k.
        sessions: session of each rating, (nnz,), numbered within the row for users, among all for items; None without sessions.
    """

    def __init__(
        self, history: History, choices: Tensor, *, factors: int, sessions: npt.NDArray[np.int32] | None = None
    ) -> None:
        device, width = choices.device, factors + 1
        self._groups = list(padded_rows(history, device, width=width + 1, sessions=sessions))
        self._choices, self._gram = choices, choices.double().mT @ choices.double()
        self._half_counts = history.counts / 2
        self.vectors = torch.zeros(len(history), width, device=device)
        self.means = torch.zeros_like(self.vectors)
        self.noise = torch.ones(len(history), device=device)
        self.prior = RowPrior(
            mean=self.vectors.new_zeros(width),
            precision=torch.eye(width, device=device),
            choice_weights=self.vectors.new_zeros(choices.shape[1], width),
            strength=1.0,
        )

    def draw_vectors(
        self,
        products_of: ProductsOf,
        numbers: np.random.Generator,
        normal: torch.Generator,
        sessions: SessionDraws | None = None,
    ) -> npt.NDArray[np.float64]:
        """Draw the prior, then the vectors (and compute their means), given the noise.

        Args:
            products_of: gives the products for the regressions.
            numbers: random numbers for the small draws.
            normal: random numbers for the vectors.
            sessions: records the errors of the sessions.

        Returns:
            the sum of squared errors of each row, weighted by the columns' share of the precision, (r,).
        """
        self.prior = draw_prior(self.vectors, self._choices, self._gram, self.prior, numbers=numbers, normal=normal)
        free = torch.randn(*self.vectors.shape, 1, generator=normal, device=self.vectors.device)
        prior_means, errors = self.prior.means(self._choices), self.vectors.new_empty(len(self.vectors))

        def work(group: PaddedRows) -> None:
            rows, (products, by_session) = group.rows, products_of(group)
            posterior = Posterior(products[0], prior_means[rows], self.prior.precision, self.noise[rows])
            deviations = torch.cat((torch.zeros_like(free[rows]), free[rows]), -1)
            vectors = posterior.vectors(deviations)
            mean, drawn = vectors.unbind(-1)
            self.means[rows], self.vectors[rows], errors[rows] = mean, drawn, posterior.squared_errors(drawn)
            if sessions is not None and by_session is not None:
                sessions.observe(rows, by_session, vectors)

        for_each_group(work, self._groups, device=self.vectors.device)
        return errors.double().numpy(force=True)

    def draw_noise(
        self, errors: npt.NDArray[np.float64], *, strength: float, common: float, numbers: np.random.Generator
    ) -> None:
        """Draw the precision of the noise of each row ~ Gamma((nu + n) / 2, (nu / common + errors) / 2), given its n errors."""
        drawn = numbers.gamma(strength / 2 + self._half_counts) / (strength / (2 * common) + errors / 2)
        self.noise = torch.from_numpy(drawn.clip(max=HIGHEST_PRECISION)).to(self.vectors)

    def table(self, weights: Tensor) -> FeatureTable:
        """The vectors as features for the other side, with weights, (r,)."""
        return FeatureTable(self.vectors[None], weights[None])


class GibbsFitter(Fitter):
    """Runs one sweep per epoch: items given users, then users given items, then the common noise.

    During burn-in the model holds the latest draw alone, so that it can be validated.

    Args:
        model: without draws, on its device.
        train: training ratings.
        spec: the model's description.
        seed: of all draws.
    """

    model: BayesianModel

    def __init__(self, model: BayesianModel, train: Ratings, spec: BayesianFactorisation, *, seed: int) -> None:
        self.model, self.spec, self.seed, self.epochs = model, spec, seed, spec.sweeps
        history, by_item, device = train.rows(), train.transposed().rows(), model.device
        mean, deviation = history.values.mean(dtype=np.float64), history.values.std(dtype=np.float64)
        model.mean.fill_(float(mean))
        model.deviation.fill_(float(deviation))
        self._sessions: SessionDraws | None = None
        in_order, in_rows, of_items = history, None, None
        if spec.session_seconds is not None and history.timestamps is not None:
            sessions = Sessions.of(history, spec.session_seconds)
            model.set_sessions(sessions)
            self._sessions = SessionDraws(history, sessions, device)
            (in_order, in_rows), of_items = sessions.in_order(history), self._sessions.of_items(by_item)
        model.digests.copy_(torch.from_numpy(model.digests_of(history)))
        features = choice_features(history, spec.choice_features, seed=derive_seed(seed, "choices"), device=device)
        model.choice_loadings.copy_(features.loadings)
        history, in_order, by_item = (standardised(rows, mean, deviation) for rows in (history, in_order, by_item))
        self._ratings = SparseRows.from_history(history, device)
        self._users = GibbsSide(in_order, features.users, factors=spec.factors, sessions=in_rows)
        self._items = GibbsSide(by_item, features.items, factors=spec.factors, sessions=of_items)
        self._common = 1.0
        self._draw_first(torch.Generator(device=device).manual_seed(derive_seed(seed, "first draw")))

    def _draw_first(self, normal: torch.Generator) -> None:
        for side in (self._users, self._items):
            factors = side.vectors[:, :-1]
            size = (FIRST_VARIANCE / self.spec.factors) ** 0.25
            factors.copy_(size * torch.randn(factors.shape, generator=normal, device=factors.device))

    @override
    @torch.no_grad()
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Run one sweep; the reported error is that of its draw."""
        numbers = np.random.default_rng(derive_seed(self.seed, "sweep", epoch))
        normal = torch.Generator(device=self.model.device).manual_seed(derive_seed(self.seed, "sweep", epoch, "vectors"))
        strength = self.spec.noise_strength
        errors = self._items.draw_vectors(self._item_products(), numbers, normal)
        if strength is not None:
            self._items.draw_noise(errors, strength=strength, common=1.0, numbers=numbers)
        item_weights, prior_common = self._items.noise, self._common
        errors = self._users.draw_vectors(self._user_products(item_weights), numbers, normal, self._sessions)
        self._keep(epoch, item_weights, prior_common)
        self._draw_user_noise(errors, numbers)
        if self._sessions is not None:
            self._sessions.draw(self._users.noise, numbers=numbers, normal=normal)
        return StepReport(self._squared_error() * self.model.deviation.item() ** 2, len(self._ratings.columns))

    def _item_products(self) -> ProductsOf:
        """From the users' vectors and the ratings less the session effects."""
        table, sessions = self._users.table(self._users.noise), self._sessions
        return lambda group: (table.products(group if sessions is None else sessions.subtracted(group)), None)

    def _user_products(self, item_weights: Tensor) -> ProductsOf:
        """From the items' vectors and the ratings, with the session effects integrated out."""
        table, sessions = self._items.table(item_weights), self._sessions
        variance = item_weights.new_zeros(1) if sessions is None else sessions.variance
        return lambda group: table.products_of(group, variance)

    def _squared_error(self) -> float:
        """Unweighted, of the draw on the standardised training ratings."""
        users, items, ratings = self._users.vectors, self._items.vectors, self._ratings
        predicted = sampled_linear(users[:, :-1].contiguous(), items[:, :-1].contiguous(), ratings)
        predicted += users[:, -1][ratings.row_of_entry] + items[:, -1][ratings.columns]
        if self._sessions is not None:
            predicted += self._sessions.at_ratings()
        return (ratings.values - predicted).square().sum(dtype=torch.float64).item()

    def _draw_user_noise(self, errors: npt.NDArray[np.float64], numbers: np.random.Generator) -> None:
        """Draw the users' noise and its common level, or the one noise of all."""
        strength, users = self.spec.noise_strength, self._users
        if strength is None:
            drawn = numbers.gamma(1.0 + len(self._ratings.columns) / 2) / (1.0 + errors.sum() / 2)
            self._common = min(float(drawn), HIGHEST_PRECISION)
            users.noise = torch.full_like(users.noise, self._common)
            return
        users.draw_noise(errors, strength=strength, common=self._common, numbers=numbers)
        half = strength / 2
        rate = numbers.gamma(1.0 + half * len(users.noise)) / (1.0 + float(users.noise.double().sum()))
        self._common = min(half / rate, HIGHEST_PRECISION)

    def _keep(self, epoch: int, item_weights: Tensor, common: float) -> None:
        """Keep the draw of this sweep, if it is past the burn-in and not thinned out."""
        past_burn_in = epoch + 1 - self.spec.burn_in
        kept_before = max(0, past_burn_in - 1) // self.spec.thinning
        if kept_before and past_burn_in % self.spec.thinning:
            return
        prior = self._users.prior
        sample = Sample(
            users=self._users.means,
            items=self._items.vectors,
            item_weights=item_weights,
            prior_mean=prior.mean,
            prior_precision=prior.precision,
            choice_weights=prior.choice_weights,
            noise_precision=prior.mean.new_tensor(common),
            session_variance=prior.mean.new_zeros(()) if self._sessions is None else self._sessions.variance[0],
            session_means=prior.mean.new_zeros(0) if self._sessions is None else self._sessions.means(),
        )
        self.model.keep(sample, instead=kept_before == 0)

    @override
    def state(self) -> dict[str, Tensor]:
        """The state of the chain, of which the model keeps a rounded part."""
        tensors = {"common": torch.tensor(self._common, dtype=torch.float64)}
        for name, side in (("users", self._users), ("items", self._items)):
            tensors |= {
                f"{name}.vectors": side.vectors,
                f"{name}.noise": side.noise,
                f"{name}.choice_weights": side.prior.choice_weights,
                f"{name}.strength": torch.tensor(side.prior.strength, dtype=torch.float64),
            }
        if self._sessions is not None:
            tensors |= {"sessions.effects": self._sessions.effects, "sessions.variance": self._sessions.variance}
        return tensors

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        if not tensors:
            return
        self._common = tensors["common"].item()
        if self._sessions is not None:
            self._sessions.effects.copy_(tensors["sessions.effects"])
            self._sessions.variance.copy_(tensors["sessions.variance"])
        for name, side in (("users", self._users), ("items", self._items)):
            side.vectors.copy_(tensors[f"{name}.vectors"])
            side.noise.copy_(tensors[f"{name}.noise"])
            side.prior = RowPrior(
                mean=side.prior.mean,
                precision=side.prior.precision,
                choice_weights=tensors[f"{name}.choice_weights"].to(side.vectors.device),
                strength=tensors[f"{name}.strength"].item(),
            )


def build_bayesian_fitter(spec: BayesianFactorisation, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of the Bayesian factorisation, with a new model."""
    return GibbsFitter(new_model(spec, train, runtime), train, spec, seed=runtime.seed)
