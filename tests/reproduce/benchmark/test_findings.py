"""The benchmark's sentences, on made-up predictions that confirm the paper and that contradict it."""

from __future__ import annotations

import pytest

from helpers.made_up_runs import benchmark_result
from helpers.small_worlds import random_split
from refeed.reproduce.benchmark.findings import benchmark_findings
from refeed.reproduce.benchmark.statistics import score_benchmark

SPLIT = random_split(users=120, items=40)
PAPERS = {"deep-refeed": 0.5, "rrn": 0.6, "i-autorec": 0.7, "u-autorec": 0.8}


@pytest.fixture
def found(tmp_path):
    def found_of(errors) -> list[tuple[str, str]]:
        return [
            (finding.verdict, finding.text)
            for finding in benchmark_findings(score_benchmark(benchmark_result(SPLIT, tmp_path, errors)))
        ]

    return found_of


def test_order_of_the_paper_is_confirmed_pair_by_pair(found):
    *pairs, best = found(PAPERS)
    assert [verdict for verdict, _ in pairs] == ["holds"] * 3
    assert pairs[0][1].startswith("DEEP-REFEED is better than RRN, as in the paper: difference -0.")
    assert best[1].startswith("The lowest RMSE is that of DEEP-REFEED, 0.")
    assert best[1].endswith("all others are significantly worse, corrected for their number (Holm).")


def test_the_other_order_is_contradicted(found):
    first, second, third, best, refeeding = found({**PAPERS, "deep-refeed": 0.9, "u-autorec": 0.7, "deep": 0.8})
    assert first[0] == "does not hold" and "DEEP-REFEED is better than RRN: here it is worse" in first[1]
    assert second[0] == "holds"
    assert third[0] == "open" and "do not differ significantly" in third[1]
    assert best[1].startswith("The lowest RMSE is that of RRN")
    assert refeeding[0] == "does not hold" and "here it raises it" in refeeding[1]


def test_refeeding_and_the_default_are_compared_with_the_papers_network(found):
    _, _, _, best, refeeding, ours = found({**PAPERS, "deep": 0.6, "default": 0.5})
    assert "not significantly worse" in best[1] and best[1].endswith((": DEFAULT.", ": DEEP-REFEED."))
    assert refeeding == ("holds", refeeding[1]) and "lowers the error of the tuned deep autoencoder, as in" in refeeding[1]
    assert ours[0] == "note" and ours[1].startswith(
        "DEFAULT is not significantly different from the better of the paper's two (DEEP-REFEED)"
    )


def test_one_system_alone_and_those_that_diverged(found):
    only, failed = found({"bias": 0.5, "deep": None})
    assert only[1].endswith("it is the only system.")
    assert failed == ("note", "Every run diverged: DEEP.")


def test_refeeding_without_effect_is_open(found):
    verdicts = {text.partition(":")[0]: verdict for verdict, text in found({"deep": 0.5, "deep-refeed": 0.5})}
    assert verdicts["Re-feeding lowers the error of the tuned deep autoencoder"] == "open"
