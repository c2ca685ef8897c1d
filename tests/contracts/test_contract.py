"""Every model keeps the contract."""

from __future__ import annotations

from dataclasses import replace

from refeed.models import (
    ALS,
    MODELS,
    PMF,
    RRN,
    AutoEncoder,
    AutoRec,
    BayesianFactorisation,
    Bias,
    Ease,
    Ensemble,
    Pca,
    Popularity,
    SvdPlusPlus,
)
from refeed.testing import ModelContract, with_times


class TestRecurrentNetwork(ModelContract):
    spec = RRN(factors=2, regularisation=0.2, start_epochs=2, epochs=3, batch_size=5, units=6, embedding=5, state=3)
    given = staticmethod(with_times)


class TestUserSide(ModelContract):
    spec = AutoEncoder(encoder=(8, 4), offsets="bias", dropout=0.2)


class TestUserSideWithoutOffsets(ModelContract):
    spec = AutoEncoder(encoder=(16,), tied=True, activation="identity")
    level_spec = replace(spec, offsets="bias")


class TestItemSide(ModelContract):
    spec = AutoEncoder(encoder=(8, 4), offsets="bias", side="item")


class TestItemSideWithCurvedOutput(ModelContract):
    spec = AutoEncoder(encoder=(6,), offsets="bias", side="item", activation="selu", activation_on_last_layer=True, dropout=0.1)


class TestSkipConnections(ModelContract):
    spec = AutoEncoder(encoder=(8, 6, 4), offsets="bias", skip=True, hidden_dropout=0.1)


class TestItemAutoRec(ModelContract):
    spec = AutoRec(width=40)
    level_tolerance = 0.5  # no offsets: what random weights add to the mean rating has to be learnt away


class TestUserAutoRecWithSigmoidOutput(ModelContract):
    spec = AutoRec(side="user", width=40, output="sigmoid")
    level_tolerance = 0.5


class TestEnsemble(ModelContract):
    spec = Ensemble(
        members=("bias user_regularisation=2", "autoencoder encoder=8 offsets=bias side=item epochs=5 batch_size=5")
    )


class TestBias(ModelContract):
    spec = Bias(item_regularisation=2.0, user_regularisation=2.0)


class TestBayesianFactorisation(ModelContract):
    spec = BayesianFactorisation(factors=2, samples=20, burn_in=10, choice_features=4)


class TestBayesianFactorisationWithOneNoise(ModelContract):
    spec = BayesianFactorisation(factors=2, samples=5, burn_in=10, thinning=3, choice_features=0, noise_strength=None)


class TestBayesianFactorisationWithSessions(ModelContract):
    spec = BayesianFactorisation(factors=2, samples=20, burn_in=10, choice_features=4, session_minutes=1440.0)
    given = staticmethod(with_times)


class TestEase(ModelContract):
    spec = Ease(regularisation=5.0)


class TestEaseOfChoices(ModelContract):
    spec = Ease(target="implicit", regularisation=5.0)
    level_tolerance = 0.1  # preferences differ between items even where ratings do not


class TestPca(ModelContract):
    spec = Pca(factors=3, regularisation=1.0, epochs=5)


class TestPcaWithoutRegularisation(ModelContract):
    spec = Pca(factors=2, regularisation=0.0, epochs=5)


class TestPopularity(ModelContract):
    spec = Popularity(user_regularisation=2.0)
    level_tolerance = 0.1  # more ratings mean a higher score even where all ratings are equal


class TestRecentPopularity(ModelContract):
    spec = Popularity(recent_days=20, user_regularisation=2.0)
    given = staticmethod(with_times)
    level_tolerance = 0.1


class TestSvdPlusPlus(ModelContract):
    spec = SvdPlusPlus(factors=3, regularisation=2.0, implicit_regularisation=2.0, batch_size=5, learning_rate=0.05, epochs=5)


class TestTimeSvdPlusPlus(ModelContract):
    given = staticmethod(with_times)
    spec = SvdPlusPlus(factors=3, regularisation=2.0, batch_size=5, learning_rate=0.05, epochs=5, time_aware=True, time_bins=3)


class TestALS(ModelContract):
    spec = ALS(factors=3, epochs=4)


class TestALSAsPublished(ModelContract):
    spec = ALS(factors=2, regularisation=0.05, biased=False, offsets="none", epochs=10)
    level_tolerance = 0.5  # whatever the penalty takes off vectors that have to explain the level too


class TestPMF(ModelContract):
    spec = PMF(factors=3, learning_rate=0.02, momentum=0.5, batch_size=20, epochs=10)
    level_tolerance = 0.1  # the products of random initial factors have to be learnt away


class TestAdaptivePMF(ModelContract):
    spec = PMF(factors=2, prior="adaptive", biased=False, offsets="bias", learning_rate=0.03, batch_size=10, epochs=10)
    level_tolerance = 0.1


def test_every_model_is_under_the_contract():
    assert {contract.spec.kind for contract in ModelContract.__subclasses__()} == set(MODELS)
    assert {contract.spec.side for contract in ModelContract.__subclasses__() if hasattr(contract.spec, "side")} == {
        "user",
        "item",
    }
