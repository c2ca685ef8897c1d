"""Matrix factorisation averaged over its posterior, by Gibbs sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.config import conform, require_ranges
from refeed.data.history import History
from refeed.errors import ConfigError
from refeed.models.base import ScoredModel
from refeed.models.bayesian_scorer import BayesianScorer


@dataclass(frozen=True)
class BayesianFactorisation:
    """Matrix factorisation averaged over its posterior by Gibbs sampling (BPMF); Salakhutdinov & Mnih (2008), section 3.

    On ratings less their mean, divided by their standard deviation: r_ui = p_u . q_i + b_u + c_i + noise of precision
    a_u * w_i. Vector and bias of a user, x_u = (p_u, b_u), have the prior N(mu + B^T s_u, A^-1), and (mu, A) a
    Normal-Wishart prior; the same for items. What is added to the paper:

    - b_u and c_i are drawn together with the factors, as one more number of the vector;
    - s_u says what the user rated at all (see `choice_features`), and B is drawn too, as in Macau (Simm et al. 2017);
    - users and items differ in noise: a_u ~ Gamma(nu / 2, nu / (2 a)) and w_i ~ Gamma(nu / 2, nu / 2) (Lakshminarayanan,
      Bouchard & Archambeau 2011, "Robust Bayesian matrix factorisation").

    Attributes:
        factors: k, numbers in p_u and q_i, at least 1.
        samples: draws that are kept and averaged over, at least 1.
        burn_in: sweeps over all items and users before the draws that count, at least 0.
        thinning: sweeps from one kept draw to the next, at least 1.
        choice_features: numbers in s_u, which describe what was rated whatever the rating; at most a quarter of the users or
            items are used, 0 leaves them out.
        noise_strength: nu, imaginary ratings that pull the noise of a user or item to the common one, above 2 (below it, the
            noise of somebody unknown has no finite variance); null gives all the same noise.

    Raises:
        ConfigError: a value of the wrong type or out of its range.
    """

    kind: ClassVar[str] = "bayesian"
    title: ClassVar[str] = "Bayesian factorisation"
    uses_training_options: ClassVar[bool] = False

    factors: int = 32
    samples: int = 80
    burn_in: int = 20
    thinning: int = 1
    choice_features: int = 64
    noise_strength: float | None = 20.0

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(self, from_0=("burn_in", "choice_features"), from_1=("factors", "samples", "thinning"))
        if self.noise_strength is not None and not 2.0 < self.noise_strength < np.inf:
            raise ConfigError(f"noise_strength: expected above 2, got {self.noise_strength}")

    @property
    def sweeps(self) -> int:
        """How often all items and users are drawn."""
        return self.burn_in + self.samples * self.thinning

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        del num_users, num_items
        return f"Bayesian matrix factorisation, {self.factors:,} factors, mean of {self.samples:,} draws"

    def build(self, num_users: int, num_items: int, *, seed: int) -> BayesianModel:
        """The model before fitting; the chain's first state is the fitter's."""
        del seed
        return BayesianModel(self, num_users, num_items)


@dataclass(frozen=True, eq=False)
class Sample:
    """One draw, with d = k + 1 numbers a vector, the last the bias.

    Attributes:
        users: the expected vectors given all else in the draw, (m, d).
        items: (n, d).
        item_weights: w, (n,).
        prior_mean: mu of the users, (d,).
        prior_precision: A of the users, (d, d).
        choice_weights: B of the users, (f, d).
        noise_precision: a, ().
    """

    users: Tensor
    items: Tensor
    item_weights: Tensor
    prior_mean: Tensor
    prior_precision: Tensor
    choice_weights: Tensor
    noise_precision: Tensor


class BayesianModel(ScoredModel):
    """See `BayesianFactorisation`; keeps S draws and predicts the mean of what they predict.

    Of the users a draw holds the expected vectors given the draw's items and priors, not drawn ones: the average is the same
    with less chance in it, and a person whose history changed, or who is new, gets a vector in the same way, by one Bayesian
    linear regression for each draw. The noise a_u of such a person is the one that explains their errors.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = (
        "users",
        "items",
        "item_weights",
        "prior_mean",
        "prior_precision",
        "choice_weights",
        "noise_precision",
    )

    mean: Tensor
    deviation: Tensor
    digests: Tensor
    choice_loadings: Tensor
    users: Tensor
    items: Tensor
    item_weights: Tensor
    prior_mean: Tensor
    prior_precision: Tensor
    choice_weights: Tensor
    noise_precision: Tensor

    def __init__(self, spec: BayesianFactorisation, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.spec = spec
        width, features = spec.factors + 1, spec.choice_features
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.zeros(()))
        self.register_buffer("digests", torch.zeros(num_users, dtype=torch.int64))
        self.register_buffer("choice_loadings", torch.zeros(num_items, features))
        # half precision for what is large: its rounding, 5e-4 of a number, is far below the spread between draws
        self.register_buffer("users", torch.zeros(num_users, 0, width, dtype=torch.float16))  # m x S x d
        self.register_buffer("items", torch.zeros(num_items, 0, width, dtype=torch.float16))  # n x S x d
        self.register_buffer("item_weights", torch.zeros(num_items, 0))  # n x S
        self.register_buffer("prior_mean", torch.zeros(0, width))  # S x d
        self.register_buffer("prior_precision", torch.zeros(0, width, width))  # S x d x d
        self.register_buffer("choice_weights", torch.zeros(0, features, width))  # S x f x d
        self.register_buffer("noise_precision", torch.zeros(0))  # S
        self.register_load_state_dict_pre_hook(_take_shapes)  # type: ignore[no-untyped-call]

    @property
    def num_samples(self) -> int:
        """S, draws kept so far."""
        return len(self.noise_precision)

    def keep(self, sample: Sample, *, instead: bool) -> None:
        """Add a draw to those kept, or put it `instead` of them."""
        for name in self.variable_buffers:
            kept, new = getattr(self, name), getattr(sample, name)
            place = 1 if name in ("users", "items", "item_weights") else 0
            kept = kept.narrow(place, 0, 0) if instead else kept
            setattr(self, name, torch.cat((kept, new.to(kept.dtype).unsqueeze(place)), place))

    def scorer(self) -> BayesianScorer:
        """See `RatingModel.scorer`: the items' vectors of all draws, side by side."""
        return BayesianScorer(self)

    def predict_spread(
        self, history: History, rows: npt.NDArray[np.int64], items: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """The predictive standard deviation of each pair; see `BayesianScorer.predict_spread`."""
        return self.scorer().predict_spread(history, rows, items)


def _take_shapes(module: torch.nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Before a state dict is loaded: room for as many draws as it holds."""
    assert isinstance(module, BayesianModel)
    for name in module.variable_buffers:
        buffer, coming = module.get_buffer(name), state_dict.get(prefix + name)
        if coming is not None and coming.shape != buffer.shape:
            setattr(module, name, buffer.new_empty(coming.shape))
