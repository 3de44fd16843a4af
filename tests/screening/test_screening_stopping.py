from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from consilience.errors import BadInputError
from consilience.screening.stopping import RULES, rule, smallest_p, stopping_place

Labels = npt.NDArray[np.int64]


def buscar_reference(seen: Labels, records: int, target: float) -> float:
    """Every tail, as the formula has it: no shortcut."""
    n, r = len(seen), seen.sum()
    u, j = seen[::-1].cumsum(), np.arange(1, n + 1)
    k, population = np.floor(r / target + 1 - (r - u)), records - (n - j)
    p = np.where(k > population, 0, hypergeom.cdf(u, population, np.minimum(k, population), j))
    return float(p.min())


def stop_reference(labels: Labels, target: float, confidence: float) -> int | None:
    n = len(labels)
    looks = range(20, n, 10)
    return next((at for at in looks if buscar_reference(labels[:at], n, target) < 1 - confidence), None)


SEEN = st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=80).map(lambda seen: np.array(seen, dtype=np.int64))
TARGETS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 1.0])


@settings(deadline=None)
@given(SEEN, st.integers(0, 60), TARGETS)
def test_one_tail_for_each_number_of_hits_gives_the_smallest_p_of_all_tails(
    seen: Labels, unread: int, target: float
) -> None:
    records = len(seen) + unread
    assert smallest_p(seen, records, target) == pytest.approx(buscar_reference(seen, records, target), abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(30, 300), st.sampled_from([0.8, 0.95]))
def test_buscar_stops_where_the_reference_stops(seed: int, records: int, target: float) -> None:
    draw = np.random.default_rng(seed)
    labels = (draw.random(records) < np.linspace(0.6, 0, records) ** 2).astype(np.int64)
    own = stopping_place(rule("buscar", target=target, confidence=0.95), labels)
    assert own == stop_reference(labels, target, 0.95)


def test_buscar_stops_early_when_the_includes_come_first() -> None:
    labels = np.array([1] * 30 + [0] * 970, dtype=np.int64)
    place = stopping_place(rule("buscar", target=0.95, confidence=0.95), labels)
    assert place is not None
    assert place < 900
    assert place % 10 == 0


def test_nothing_read_is_no_evidence() -> None:
    assert smallest_p(np.array([], dtype=np.int64), 10, 0.95) == 1


def test_no_rule_never_stops() -> None:
    assert stopping_place(rule("none", target=0.95, confidence=0.95), np.zeros(100, dtype=np.int64)) is None


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_states_its_target_and_confidence(name: str) -> None:
    claim = rule(name, target=0.91, confidence=0.87).claim()
    assert "0.91" in claim
    assert "0.87" in claim


def test_the_claim_of_buscar_states_its_assumptions() -> None:
    claim = rule("buscar", target=0.95, confidence=0.95).claim()
    for said in ("random draw", "repeated looks", "uncorrected", "every 10 records from 20", "the search missed"):
        assert said in claim


@pytest.mark.parametrize("name", ["knee", "", "BUSCAR", "qbcb"])
def test_an_unknown_rule_is_refused_by_naming_those_there_are(name: str) -> None:
    with pytest.raises(BadInputError) as caught:
        rule(name, target=0.95, confidence=0.95)
    assert caught.value.expected == "audit or buscar or none or quantile or tail"


@pytest.mark.parametrize(("target", "confidence"), [(0, 0.95), (1.1, 0.95), (0.95, 0), (0.95, 1), (float("nan"), 0.9)])
def test_impossible_targets_and_confidences_are_refused(target: float, confidence: float) -> None:
    with pytest.raises(BadInputError):
        rule("buscar", target=target, confidence=confidence)
