"""Matrix factorisation averaged over its posterior, by Gibbs sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.config import conform, require_ranges
from refeed.data.history import History
from refeed.errors import ConfigError
from refeed.models.base import RatingModel
from refeed.models.bayesian.scorer import BayesianScorer
from refeed.models.bayesian.sittings import Sittings
from refeed.models.common.row_digests import row_digests

MINUTE = 60.0  # seconds
PERIOD_SHIFT = 0x9E3779B1  # an odd number: item and period together are hashed as an item is


@dataclass(frozen=True)
class BayesianFactorisation:
    """Matrix factorisation averaged over its posterior by Gibbs sampling (BPMF); Salakhutdinov & Mnih (2008), section 3.

    On ratings less their mean, divided by their standard deviation: r_ui = p_u . q_i + b_u + c_i + noise of precision
    a_u * w_i. Vector and bias of a user, x_u = (p_u, b_u), have the prior N(mu + B^T s_u, A^-1), and (mu, A) a
    Normal-Wishart prior; the same for items. What is added to the paper:

    - b_u and c_i are drawn together with the factors, as one more number of the vector;
    - s_u says what the user rated at all (see `choice_features`), and B is drawn too, as in Macau (Simm et al. 2017);
    - users and items differ in noise: a_u ~ Gamma(nu / 2, nu / (2 a)) and w_i ~ Gamma(nu / 2, nu / 2) (Lakshminarayanan,
      Bouchard & Archambeau 2011, "Robust Bayesian matrix factorisation");
    - what a user gives in one sitting has a mood in common: t ~ N(0, v / a_u) is added to it, and 1 / v has a gamma prior
      (after the b_u,t of days in Koren 2009, "Collaborative filtering with temporal dynamics", section 3.2).

    Attributes:
        factors: k, numbers in p_u and q_i, at least 1.
        samples: draws that are kept and averaged over, at least 1.
        burn_in: sweeps over all items and users before the draws that count, at least 0.
        thinning: sweeps from one kept draw to the next, at least 1.
        choice_features: numbers in s_u, which describe what was rated whatever the rating; at most a quarter of the users or
            items are used, 0 leaves them out.
        noise_strength: nu, imaginary ratings that pull the noise of a user or item to the common one, above 2 (below it, the
            noise of somebody unknown has no finite variance); none gives all the same noise.
        sitting_minutes: what a user rates within one period of so many minutes of the clock (UTC), at least a second, is a
            sitting; none takes no notice of sittings, and without timestamps there are none.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import BayesianFactorisation, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> spec = BayesianFactorisation(factors=2, samples=2, burn_in=1)
        >>> train(spec, RandomSplit().apply(ratings)).spec.samples
        2
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
    sitting_minutes: float | None = 10.0

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(self, from_0=("burn_in", "choice_features"), from_1=("factors", "samples", "thinning"))
        if self.noise_strength is not None and not 2.0 < self.noise_strength < np.inf:
            raise ConfigError(f"noise_strength: expected above 2, got {self.noise_strength}")
        if self.sitting_minutes is not None and not 1.0 <= MINUTE * self.sitting_minutes < 2**53:
            raise ConfigError(f"sitting_minutes: expected at least a second (1 / 60), got {self.sitting_minutes}")

    @property
    def sitting_seconds(self) -> int | None:
        """Length of the period of a sitting, None without sittings."""
        return None if self.sitting_minutes is None else round(MINUTE * self.sitting_minutes)

    @property
    def sweeps(self) -> int:
        """How often all items and users are drawn."""
        return self.burn_in + self.samples * self.thinning

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        return f"Bayesian matrix factorisation, {self.factors:,} factors, mean of {self.samples:,} draws"

    def build(self, num_users: int, num_items: int, *, seed: int) -> BayesianModel:
        """The model before fitting; the chain's first state is the fitter's."""
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
        sitting_variance: v, (); 0 without sittings.
        sitting_means: what is expected of t given the draw's items and noise, for each sitting of each user, (D,).
    """

    users: Tensor
    items: Tensor
    item_weights: Tensor
    prior_mean: Tensor
    prior_precision: Tensor
    choice_weights: Tensor
    noise_precision: Tensor
    sitting_variance: Tensor
    sitting_means: Tensor


PER_DRAW = (
    "users",
    "items",
    "item_weights",
    "prior_mean",
    "prior_precision",
    "choice_weights",
    "noise_precision",
    "sitting_variance",
)


class BayesianModel(RatingModel):
    """See `BayesianFactorisation`; keeps S draws and predicts the mean of what they predict.

    Of the users a draw holds the expected vectors given the draw's items and priors, not drawn ones: the average is the same
    with less chance in it, and a person whose history changed, or who is new, gets a vector in the same way, by one Bayesian
    linear regression for each draw, with the effects of sittings integrated out. The noise a_u of such a person is the one that
    explains their errors. Of the effect of a training user's sitting the mean over the draws of what is expected is kept.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = (*PER_DRAW, "sitting_periods", "sitting_means")

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
    sitting_variance: Tensor
    sitting_indptr: Tensor
    sitting_periods: Tensor
    sitting_means: Tensor

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
        self.register_buffer("sitting_variance", torch.zeros(0))  # S
        self.register_buffer("sitting_indptr", torch.zeros(num_users + 1, dtype=torch.int64))
        self.register_buffer("sitting_periods", torch.zeros(0, dtype=torch.int64))  # D
        self.register_buffer("sitting_means", torch.zeros(0))  # D
        self.register_load_state_dict_pre_hook(_take_shapes)  # type: ignore[no-untyped-call]

    @property
    def num_samples(self) -> int:
        """S, draws kept so far."""
        return len(self.noise_precision)

    def keep(self, sample: Sample, *, instead: bool) -> None:
        """Add a draw to those kept, or put it `instead` of them."""
        share = 1.0 if instead else 1.0 / (1 + self.num_samples)
        self.sitting_means.lerp_(sample.sitting_means, share)
        for name in PER_DRAW:
            kept, new = getattr(self, name), getattr(sample, name)
            place = 1 if name in ("users", "items", "item_weights") else 0
            kept = kept.narrow(place, 0, 0) if instead else kept
            setattr(self, name, torch.cat((kept, new.to(kept.dtype).unsqueeze(place)), place))

    def take_sittings(self, sittings: Sittings) -> None:
        """Take the sittings of the users' training ratings, before the first draw."""
        self.sitting_indptr.copy_(torch.from_numpy(sittings.indptr))
        self.sitting_periods = torch.from_numpy(sittings.periods).to(self.device)
        self.sitting_means = torch.zeros(len(sittings.periods), device=self.device)

    @property
    def sitting_seconds(self) -> int | None:
        """Length of the period of a sitting, None where it was trained without sittings."""
        return self.spec.sitting_seconds if len(self.sitting_periods) else None

    def digests_of(self, history: History) -> npt.NDArray[np.int64]:
        """By which it knows training users with the same history, int64 (B,): what they rated, how, and in which sitting."""
        if self.sitting_seconds is None or history.timestamps is None:
            return row_digests(history)
        shifted = history.indices + PERIOD_SHIFT * (history.timestamps // self.sitting_seconds)
        return row_digests(replace(history, indices=shifted))

    def scorer(self) -> BayesianScorer:
        """See `RatingModel.scorer`: the items' vectors of all draws, side by side."""
        return BayesianScorer(self)


def _take_shapes(module: torch.nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Before a state dict is loaded: room for as many draws as it holds."""
    assert isinstance(module, BayesianModel)
    for name in module.variable_buffers:
        buffer, coming = module.get_buffer(name), state_dict.get(prefix + name)
        if coming is not None and coming.shape != buffer.shape:
            setattr(module, name, buffer.new_empty(coming.shape))
