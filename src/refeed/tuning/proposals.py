"""Which settings to try next: Optuna behind three methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from refeed.reports.extras import import_extra
from refeed.tuning.search_spaces import Between, Range, Space, value_text

SamplerName = Literal["tpe", "random"]
DRAWN_EVENLY = 4  # trials before the first that learns from the others
ENOUGH_FOR_IMPORTANCES = 8  # finished trials; fewer say nothing about which option mattered


@dataclass(frozen=True)
class Proposal:
    """Settings to try.

    Attributes:
        values: option to value.
        ticket: Optuna's own trial.
    """

    values: Mapping[str, Any]
    ticket: Any


class Proposals:
    """Proposes settings, and learns from what came of them: what it proposes follows from the seed and the order of the calls.

    Args:
        space: what is varied.
        sampler: "tpe" (tree-structured Parzen estimator, Bergstra et al. 2011; of all options together, and what is under way
            counts as bad) or "random".
        seed: of its draws.

    Raises:
        ConfigError: the `tune` extra is not installed.
    """

    def __init__(self, space: Space, *, sampler: SamplerName, seed: int) -> None:
        self._optuna = import_extra("optuna", extra="tune")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        samplers = self._optuna.samplers
        tree = {"multivariate": True, "constant_liar": True, "n_startup_trials": DRAWN_EVENLY}
        drawn = samplers.TPESampler(seed=seed, **tree) if sampler == "tpe" else samplers.RandomSampler(seed=seed)
        self._space = space
        self._distributions = {name: self._distribution(choice) for name, choice in space.items()}
        self._study = self._optuna.create_study(direction="minimize", sampler=drawn)

    def ask(self) -> Proposal:
        """The next settings."""
        ticket = self._study.ask(self._distributions)
        return Proposal({name: _value(self._space[name], drawn) for name, drawn in ticket.params.items()}, ticket)

    def tell(self, proposal: Proposal, rmse: float | None) -> None:
        """What came of a proposal: the error that is to be small, None where it failed."""
        failed = self._optuna.trial.TrialState.FAIL
        self._study.tell(proposal.ticket, rmse, state=failed if rmse is None else None)

    def add_observation(self, values: Mapping[str, Any], rmse: float) -> None:
        """What came of settings that were not proposed; nothing is learnt from such as are not in the space."""
        if all(values[name] in choice for name, choice in self._space.items()):
            drawn = {
                name: values[name] if isinstance(one, Between) else value_text(values[name])
                for name, one in self._space.items()
            }
            trial = self._optuna.trial.create_trial(params=drawn, distributions=self._distributions, value=rmse)
            self._study.add_trial(trial)

    def importances(self) -> dict[str, float]:
        """How much of what tells the best trials from all others lies in each option, the most important first; they sum to 1.

        PED-ANOVA (Watanabe, Bansal & Hutter 2023). Empty with one option, or with too few finished trials to say.
        """
        finished = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
        if len(self._space) < 2 or len(finished) < ENOUGH_FOR_IMPORTANCES:
            return {}
        evaluator = self._optuna.importance.PedAnovaImportanceEvaluator()
        return dict(self._optuna.importance.get_param_importances(self._study, evaluator=evaluator))

    def _distribution(self, choice: Range) -> Any:
        known = self._optuna.distributions
        if not isinstance(choice, Between):
            return known.CategoricalDistribution([value_text(one) for one in choice.choices])
        kind = known.IntDistribution if choice.is_whole else known.FloatDistribution
        return kind(choice.low, choice.high, log=choice.log)


def _value(choice: Range, drawn: Any) -> Any:
    """The option's value for what was drawn; numbers are rounded to three digits, as people would write them."""
    if not isinstance(choice, Between):
        return next(one for one in choice.choices if value_text(one) == drawn)
    if choice.is_whole:
        return drawn
    return min(max(float(f"{drawn:.3g}"), float(choice.low)), float(choice.high))
