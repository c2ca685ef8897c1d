"""The model of the Bayesian factorisation: it keeps draws and predicts from them."""

from __future__ import annotations

import torch
from typing_extensions import override

from refeed.models.bayesian.draws import PER_DRAW, BayesianDraws, Sample
from refeed.models.bayesian.scorer import BayesianScorer
from refeed.models.bayesian.sessions import Sessions


class BayesianModel(BayesianDraws):
    """Predicts the mean over the kept draws; see `BayesianFactorisation`.

    A draw holds the posterior means of the users' vectors given its items and priors, not drawn vectors (Rao-Blackwell): the
    average is the same with less variance. Users who are new or whose history has changed are folded in the same way, by one
    Bayesian linear regression for each draw, with the session effects integrated out and the noise a_u estimated from their
    errors. Of the effect of a training user's session, the mean over the draws of its expectation is kept.
    """

    def keep(self, sample: Sample, *, instead: bool) -> None:
        """Add a draw to those kept, or keep it `instead` of them."""
        share = 1.0 if instead else 1.0 / (1 + self.num_samples)
        self.session_means.lerp_(sample.session_means, share)
        for name in PER_DRAW:
            kept, new = getattr(self, name), getattr(sample, name)
            dim = 1 if name in ("users", "items", "item_weights") else 0
            kept = kept.narrow(dim, 0, 0) if instead else kept
            setattr(self, name, torch.cat((kept, new.to(kept.dtype).unsqueeze(dim)), dim))

    def set_sessions(self, sessions: Sessions) -> None:
        """Set the sessions of the users' training ratings, before the first draw."""
        self.session_indptr.copy_(torch.from_numpy(sessions.indptr))
        self.session_periods = torch.from_numpy(sessions.periods).to(self.device)
        self.session_means = torch.zeros(len(sessions.periods), device=self.device)

    @override
    def scorer(self) -> BayesianScorer:
        return BayesianScorer(self)
