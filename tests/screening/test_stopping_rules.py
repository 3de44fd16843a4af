"""The stop rules beside BUSCAR: what they see, what they say, and whether the one with a proof keeps its word."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from consilience.errors import BadInputError
from consilience.screening.stopping import (
    DEFAULT_RULE,
    RULES,
    Seen,
    audit_next,
    last_look,
    play,
    rule,
    rules,
    state,
)
from consilience.screening.stopping import tail as tails
from consilience.screening.stopping.audit import Audit, anytime_p
from consilience.screening.stopping.rule import allowed

Labels = npt.NDArray[np.int64]


def order(seed: int, records: int, includes: int, *, strength: float) -> Labels:
    """An order in which includes are read `strength` times as readily as excludes; 0 puts them last, inf first."""
    draw = np.random.default_rng(seed)
    labels = np.zeros(records, dtype=np.int64)
    labels[:includes] = 1
    if strength in (0, np.inf):
        return np.sort(labels) if strength == 0 else labels
    clocks = draw.exponential(np.where(labels == 1, 1 / strength, 1.0))
    return labels[np.argsort(clocks)]


def seen(labels: Labels, read: int) -> Seen:
    return Seen(len(labels), labels[:read])


# What a rule sees and says


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_states_its_target_its_confidence_and_what_it_leaves_out(name: str) -> None:
    standing = state(rule(name, target=0.91, confidence=0.87), seen(order(0, 300, 30, strength=20), 200))
    told = standing.as_json()
    assert "0.91" in told["claim"]
    assert "the search missed" in told["claim"]
    assert (told["rule"], told["read"], told["records"], told["limit"]) == (name, 200, 300, pytest.approx(0.13))


def test_the_rule_with_a_proof_names_the_chance_of_error_and_no_other_rule_speaks_of_a_proof() -> None:
    assert "at most 0.1" in rule("audit", target=0.95, confidence=0.9).claim()
    assert "empirical, not proven" in rule("tail", target=0.95, confidence=0.95).claim()
    assert "no guarantee" in rule("quantile", target=0.95, confidence=0.95).claim()
    assert "nominal" in rule("buscar", target=0.95, confidence=0.95).claim()


@given(st.integers(0, 500), st.integers(21, 100_000), st.sampled_from(sorted(RULES)))
def test_a_standing_is_that_of_the_last_look(read: int, records: int, name: str) -> None:
    own = rule(name, target=0.95, confidence=0.95)
    look = last_look(own, read, records)
    assert look <= read
    assert look == 0 or (look - 20) % own.every(records) == 0
    assert read < 20 or read - look < own.every(records)


def test_a_label_that_comes_after_a_look_changes_nothing_until_the_next() -> None:
    labels = order(1, 2000, 40, strength=30)
    own = rule("tail", target=0.95, confidence=0.95)
    values = [state(own, seen(labels, read)).value for read in range(1000, 1011)]
    assert len(set(values[:10])) == 1
    assert values[10] != values[0]


@pytest.mark.parametrize("name", sorted(RULES))
def test_when_everything_is_read_every_rule_is_reached(name: str) -> None:
    labels = order(2, 60, 6, strength=1)
    own = rule(name, target=0.95, confidence=0.95)
    assert state(own, seen(labels, 60)).reached
    assert not state(own, seen(labels, 10)).reached


@pytest.mark.parametrize("name", sorted(RULES))
def test_nothing_found_stops_no_rule(name: str) -> None:
    labels = np.zeros(500, dtype=np.int64)
    assert not play(rule(name, target=0.95, confidence=0.95), labels).stopped or name in {"buscar", "audit"}


def test_the_default_rule_is_one_of_them_and_needs_no_scipy() -> None:
    assert DEFAULT_RULE in RULES
    code = (
        "import sys, numpy\n"
        "from consilience.screening.stopping import DEFAULT_RULE, Seen, rule, state\n"
        "labels = numpy.array([1, 1, 0, 1] + [0] * 60)\n"
        "state(rule(DEFAULT_RULE, target=.95, confidence=.95), Seen(100, labels))\n"
        "print('scipy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


# Several rules


def test_one_name_is_the_rule_itself_and_no_name_is_refused() -> None:
    assert rules(["tail"], target=0.9, confidence=0.9) == rule("tail", target=0.9, confidence=0.9)
    assert rules(["tail", "tail"], target=0.9, confidence=0.9).name == "tail"
    with pytest.raises(BadInputError):
        rules([], target=0.9, confidence=0.9)


def test_any_stops_with_the_first_and_all_with_the_last_of_the_rules() -> None:
    labels = order(3, 800, 60, strength=25)
    alone = [play(rule(name, target=0.95, confidence=0.95), labels).read for name in ("tail", "buscar")]
    one = play(rules(["tail", "buscar"], target=0.95, confidence=0.95, combine="any"), labels).read
    both = play(rules(["tail", "buscar"], target=0.95, confidence=0.95, combine="all"), labels).read
    assert one == min(alone)
    assert both >= max(alone)


def test_several_rules_tell_what_each_claims_and_that_errors_add_up() -> None:
    together = rules(["tail", "audit"], target=0.95, confidence=0.95)
    assert "add up" in together.claim()
    assert [own["rule"] for own in together.as_json()["rules"]] == ["tail", "audit"]
    assert len(together.assumptions()) == 3


def test_all_waits_for_a_rule_that_is_not_defined() -> None:
    labels = order(4, 300, 40, strength=50)
    both = rules(["tail", "quantile"], target=0.95, confidence=0.95, combine="all")
    assert state(both, seen(labels, 280)).value is None


# The tail model


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_what_may_be_left_keeps_the_target(found: int, target: float) -> None:
    if target < 0.01:
        return
    left = allowed(found, target)
    if found:
        assert found / (found + left) >= target - 1e-6
        assert found / (found + left + 1) < target + 1e-6


@given(st.integers(0, 60), st.integers(1, 2000), st.floats(1e-6, 0.999))
def test_the_chance_of_more_left_is_a_negative_binomial(most: int, found: int, unread: float) -> None:
    own = tails._more_than(most, found, np.array([unread]))[0]
    assert own == pytest.approx(nbinom.sf(most, found, 1 - unread), abs=1e-7)


def test_the_risk_falls_while_nothing_is_found_and_rises_with_each_find() -> None:
    labels = order(5, 1000, 50, strength=30)
    last = int(np.flatnonzero(labels)[-1]) + 1
    quiet = [tails.risk(seen(labels, read), 0.95) for read in range(last, 1000, 20)]
    assert quiet == sorted(quiet, reverse=True)
    assert tails.risk(seen(labels, last), 0.95) > tails.risk(seen(labels, last - 1), 0.95)


def test_before_two_are_found_the_target_is_taken_to_be_missed() -> None:
    labels = np.zeros(100, dtype=np.int64)
    labels[3] = 1
    assert tails.risk(seen(labels, 90), 0.95) == 1


def test_a_better_ranking_lets_tail_stop_earlier() -> None:
    read = [
        np.mean(
            [play(rule("tail", target=0.95, confidence=0.95), order(s, 600, 50, strength=by)).read for s in range(5)]
        )
        for by in (2, 10, 50)
    ]
    assert read[0] > read[1] > read[2]


@pytest.mark.parametrize("strength", [3.0, 12.0])
def test_tail_reaches_its_target_where_every_include_is_alike(strength: float) -> None:
    own = rule("tail", target=0.95, confidence=0.95)
    held = []
    for seed in range(60):
        labels = order(seed, 400, 50, strength=strength)
        held.append(play(own, labels).found / 50 >= 0.95)
    assert np.mean(held) >= 0.95


# The audit


def brute_force_p(labels: Labels, audited: npt.NDArray[np.bool_], records: int, target: float) -> float:
    """The same ratio by a loop over all totals, without the limit on how many are looked at."""
    before = np.concatenate(([0], labels.cumsum()))
    start = before[np.flatnonzero(audited)[0]]

    def likelihood(total: int) -> float:
        found = 1.0
        for at in np.flatnonzero(audited):
            chance = min(max((total - before[at]) / (records - at), 0.0), 1.0)
            found *= chance if labels[at] else 1 - chance
        return found

    known = int(before[-1])
    most = records - len(labels) + known
    mean = max(0.5, allowed(int(start), target) / 2)
    mixed = sum(
        (mean / (1 + mean)) ** (total - start) / (1 + mean) * likelihood(total) for total in range(known, most + 1)
    )
    missing = [likelihood(total) for total in range(known, most + 1) if known / total < target - 1e-9] if known else []
    return min(1.0, max(missing, default=0.0) / mixed) if known else float("nan")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_p_of_an_audit_is_that_of_a_plain_loop(data: st.DataObject) -> None:
    records = data.draw(st.integers(10, 60))
    read = data.draw(st.integers(5, records - 1))
    labels = np.array(data.draw(st.lists(st.sampled_from([0, 0, 1]), min_size=read, max_size=read)), dtype=np.int64)
    audited = np.array(data.draw(st.lists(st.booleans(), min_size=read, max_size=read)), dtype=bool)
    if not audited.any() or not labels.any():
        return
    p = anytime_p(labels, audited, records, 0.9)
    assert p == pytest.approx(brute_force_p(labels, audited, records, 0.9), abs=1e-9)


def test_without_a_draw_an_audit_knows_nothing() -> None:
    labels = order(6, 200, 20, strength=10)
    assert anytime_p(labels[:150], np.zeros(150, dtype=bool), 200, 0.95) == 1
    assert state(rule("audit", target=0.95, confidence=0.95), seen(labels, 150)).value == 1


@pytest.mark.parametrize("strength", [0, 1, 8, np.inf])
def test_an_audited_review_misses_its_target_no_oftener_than_it_claims_whatever_the_ranking(strength: float) -> None:
    """400 reviews: with an error of at most 0.1, more than 58 misses would come once in a thousand times."""
    own = rule("audit", target=0.8, confidence=0.9)
    missed = 0
    for seed in range(400):
        labels = order(seed, 120, 12, strength=strength)
        missed += play(own, labels, seed=seed).found / 12 < 0.8
    assert missed <= 58


def test_an_adversary_who_hides_includes_from_the_ranking_does_not_fool_the_audit() -> None:
    """All but two fifths come first, the rest last: the tail model is fooled, the audit is not."""
    labels = np.array([1] * 24 + [0] * 560 + [1] * 16, dtype=np.int64)
    assert play(rule("tail", target=0.95, confidence=0.95), labels).found < 40
    audited = [play(rule("audit", target=0.95, confidence=0.95), labels, seed=seed).found >= 38 for seed in range(40)]
    assert np.mean(audited) >= 0.9


def test_an_audit_saves_reading_where_includes_are_many_and_the_ranking_is_good() -> None:
    labels = order(7, 2000, 300, strength=60)
    played = play(rule("audit", target=0.95, confidence=0.95), labels, seed=1)
    assert played.stopped
    assert played.read < 1500


def test_the_audit_wants_draws_only_when_the_target_seems_met() -> None:
    labels = order(8, 600, 60, strength=40)
    own = rule("audit", target=0.95, confidence=0.95)
    assert isinstance(own, Audit)
    assert state(own, seen(labels, 30)).next == "rank"
    assert state(own, seen(labels, 500)).next == "audit"


def test_the_next_draw_hangs_on_the_seed_alone_not_on_the_order_of_the_ids() -> None:
    ids = [f"9900000{number}" for number in range(9)]
    assert audit_next(ids, seed=3) == audit_next(ids[::-1], seed=3)
    assert len({audit_next(ids, seed=seed) for seed in range(40)}) > 5


def test_draws_are_uniform_over_the_unread() -> None:
    ids = [f"9900000{number}" for number in range(8)]
    drawn = [audit_next(ids, seed=seed) for seed in range(4000)]
    counts = np.array([drawn.count(id) for id in ids])
    assert ((counts - 500) ** 2 / 500).sum() < 26  # chi-squared with 7 degrees of freedom: once in two thousand times


# The ranker's own probabilities


def test_quantile_stands_on_the_probabilities_of_the_unread() -> None:
    labels = order(9, 300, 40, strength=60)
    own = rule("quantile", target=0.95, confidence=0.95)
    low = Seen(300, labels[:220], None, np.full(80, 0.001))
    high = Seen(300, labels[:220], None, np.full(80, 0.1))
    assert state(own, low).reached
    assert not state(own, high).reached
    assert state(own, Seen(300, labels[:220])).value is None


def test_a_replay_asks_for_the_probabilities_at_every_look() -> None:
    labels = order(10, 300, 40, strength=60)
    asked: list[int] = []

    def chances(read: int) -> npt.NDArray[np.float64]:
        asked.append(read)
        return np.full(300 - read, 1.0 if read < 100 else 0.0)

    played = play(rule("quantile", target=0.95, confidence=0.95), labels, chances=chances)
    assert (played.read, asked) == (100, list(range(20, 101, 10)))
