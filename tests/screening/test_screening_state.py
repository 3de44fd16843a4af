from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.errors import StoreDamagedError
from consilience.screening.ledger import FIRST, Entry
from consilience.screening.protocol import Protocol
from consilience.screening.state import DECISIONS, State, fold
from consilience.screening.workflow import Agreement

RECORDS = ("a", "b", "c", "d", "e")
REVIEWERS = ("ada", "bob")


def entries(*given: tuple[str, dict[str, Any]]) -> list[Entry]:
    """Entries as a ledger would hold them; the fold looks at no hash."""
    at = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    made = []
    for seq, (kind, body) in enumerate(given, start=1):
        actor = {"type": "person", "name": body.get("reviewer", "ada")}
        made.append(Entry(seq, at, kind, actor, body, FIRST, f"{seq:064x}"))
    return made


def protocol(mode: str = "single") -> tuple[str, dict[str, Any]]:
    plan = Protocol("Velorine", mode=mode, reviewers=REVIEWERS)  # type: ignore[arg-type]
    return "protocol", {"protocol": plan.as_json(), "digest": plan.digest, "changed": []}


def records(*ids: str) -> tuple[str, dict[str, Any]]:
    return "import", {"file": "x.ris", "raw": "0" * 64, "records": "0" * 64, "ids": list(ids), "via": "database",
                      "database": "", "counts": {}}  # fmt: skip


def decided(
    id: str, word: str, by: str = "ada", stage: str = "title_abstract", reason: str = ""
) -> tuple[str, dict[str, Any]]:
    return "decision", {"id": id, "stage": stage, "reviewer": by, "decision": word, "reason": reason}


def settled(id: str, word: str, stage: str = "title_abstract", reason: str = "") -> tuple[str, dict[str, Any]]:
    return "adjudication", {**decided(id, word, "cleo", stage, reason)[1]}


def withdrawn(id: str, by: str = "ada") -> tuple[str, dict[str, Any]]:
    return "withdrawn", {"id": id, "stage": "title_abstract", "reviewer": by}


def merged(*ids: str) -> tuple[str, dict[str, Any]]:
    return "merge", {"clusters": [{"master": ids[0], "members": list(ids), "basis": dict.fromkeys(ids[1:], "DOI")}]}


def split(id: str) -> tuple[str, dict[str, Any]]:
    return "split", {"ids": [id]}


def state(mode: str, *given: tuple[str, dict[str, Any]]) -> State:
    return fold(entries(protocol(mode), records(*RECORDS), *given))


def first(of: State, id: str = "a") -> str:
    return of.outcome(id, "title_abstract").result


# ---------------------------------------------------------------- modes


def test_alone_the_last_decision_counts() -> None:
    assert first(state("single", decided("a", "include"), decided("a", "exclude"))) == "exclude"


def test_a_decision_that_was_taken_back_leaves_the_record_open() -> None:
    assert first(state("single", decided("a", "include"), withdrawn("a"))) == "pending"
    assert first(state("single", decided("a", "include"), withdrawn("a"), decided("a", "exclude"))) == "exclude"


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        ("include", "include", "include"),
        ("exclude", "exclude", "exclude"),
        ("include", "exclude", "conflict"),
        ("unclear", "exclude", "conflict"),
        ("include", "unclear", "include"),
        ("unclear", "unclear", "unclear"),
    ],
)
def test_two_reviewers_agree_or_are_in_conflict(one: str, other: str, result: str) -> None:
    assert first(state("dual", decided("a", one), decided("a", other, "bob"))) == result


def test_one_of_two_reviewers_decides_nothing() -> None:
    assert first(state("dual", decided("a", "include"))) == "pending"
    assert first(state("dual", decided("a", "include"), decided("a", "exclude"))) == "pending"


def test_an_adjudication_settles_a_conflict_and_later_decisions_do_not_unsettle_it() -> None:
    found = state("dual", decided("a", "include"), decided("a", "exclude", "bob"), settled("a", "exclude"),
                  decided("a", "include", "bob"))  # fmt: skip
    outcome = found.outcome("a", "title_abstract")
    assert (outcome.result, outcome.adjudicated, outcome.by) == ("exclude", True, ("cleo",))
    assert len(found.history("a", "title_abstract")) == 3


@pytest.mark.parametrize(
    ("words", "result"),
    [(["include"], "include"), (["unclear"], "unclear"), (["exclude"], "pending"), (["exclude", "exclude"], "exclude"),
     (["exclude", "include"], "include")],
)  # fmt: skip
def test_liberal_needs_one_to_include_and_two_to_exclude(words: Sequence[str], result: str) -> None:
    given_ = [decided("a", word, by) for word, by in zip(words, REVIEWERS, strict=False)]
    assert first(state("liberal", *given_)) == result


def test_two_exclusions_at_full_text_for_different_reasons_are_a_conflict() -> None:
    both = [decided("a", "include"), decided("a", "include", "bob")]
    last = [decided("a", "exclude", by, "full_text", reason) for by, reason in
            (("ada", "no control"), ("bob", "no outcome"))]  # fmt: skip
    assert state("dual", *both, *last).outcome("a", "full_text").result == "conflict"
    agreed = state("dual", *both, last[0], decided("a", "exclude", "bob", "full_text", "no control"))
    assert agreed.reasons() == {"no control": 1}


def test_an_unclear_carries_on_to_full_text_and_must_be_settled_there() -> None:
    found = state("dual", decided("a", "unclear"), decided("a", "unclear", "bob"))
    assert found.units("full_text") == ["a"]
    on = [decided("a", "unclear", by, "full_text") for by in REVIEWERS]
    later = state("dual", decided("a", "unclear"), decided("a", "unclear", "bob"), *on)
    assert later.outcome("a", "full_text").result == "conflict"


def test_another_mode_judges_the_same_decisions_anew() -> None:
    given_ = entries(protocol("dual"), records(*RECORDS), decided("a", "include"))
    found = fold(given_)
    assert first(found) == "pending"
    found.extend(entries(protocol("dual"), records(), decided("b", "include"), protocol("single"))[3:])
    assert first(found) == "include"


# ---------------------------------------------------------------- clusters


def test_a_decision_on_a_duplicate_counts_for_its_cluster() -> None:
    found = state("single", merged("a", "b"), decided("b", "include"))
    assert first(found, "a") == first(found, "b") == "include"
    assert found.units() == ["a", "c", "d", "e"]
    assert found.basis_of("b") == "DOI"


def test_two_decisions_of_one_reviewer_on_a_cluster_are_one_the_later() -> None:
    found = state("dual", decided("a", "include"), decided("b", "exclude"), merged("a", "b"))
    assert [made.decision for made in found.decisions("a", "title_abstract").values()] == ["exclude"]
    assert first(found) == "pending"


def test_a_record_taken_out_of_its_cluster_is_as_it_was() -> None:
    before = state("single", decided("a", "include"))
    after = state("single", decided("a", "include"), merged("a", "b", "c"), split("b"))
    assert after.clusters == {"a": ("a", "c")}
    assert first(after, "b") == first(before, "b") == "pending"
    assert after.apart == {("b", "a"), ("b", "c")}


def test_a_master_that_leaves_hands_over_to_the_next() -> None:
    found = state("single", merged("a", "b", "c"), split("a"))
    assert found.clusters == {"b": ("b", "c")}
    assert found.master_of("a") == "a"


def test_two_clusters_join() -> None:
    found = state("single", merged("a", "b"), merged("c", "d"), merged("c", "a"))
    assert found.clusters == {"c": ("c", "d", "a", "b")}
    assert found.duplicates == 3


# ---------------------------------------------------------------- ends


def test_what_was_unread_when_screening_was_ended_is_unscreened_and_what_comes_later_is_open() -> None:
    found = state("single", decided("a", "include"), ("accept_stop", {}), records("f"))
    assert [first(found, id) for id in ("a", "b", "f")] == ["include", "unscreened", "pending"]
    assert found.counts("title_abstract") == {
        "include": 1, "exclude": 0, "unclear": 0, "conflict": 0, "pending": 1, "unscreened": 4,
    }  # fmt: skip


# ---------------------------------------------------------------- agreement


def test_kappa_of_a_known_table() -> None:
    # Cohen's own kind of example: po = .70, pe = .50.
    found = Agreement(("ada", "bob"), both_on=20, both_off=15, only_first=5, only_second=10)
    assert found.kappa == pytest.approx(0.4)
    assert found.pabak == pytest.approx(0.4)


@pytest.mark.parametrize("table", [(0, 0, 0, 0), (5, 0, 0, 0), (0, 7, 0, 0), (5, 0, 3, 0), (0, 5, 0, 3)])
def test_kappa_is_undefined_and_not_0_where_one_always_says_the_same(table: tuple[int, int, int, int]) -> None:
    found = Agreement(("ada", "bob"), *table)
    assert found.kappa is None
    assert (found.pabak is None) == (sum(table) == 0)


# ---------------------------------------------------------------- any sequence


IDS = st.sampled_from(RECORDS)
STEPS = st.one_of(
    st.builds(decided, IDS, st.sampled_from(DECISIONS), st.sampled_from(REVIEWERS),
              st.sampled_from(["title_abstract", "full_text"]), st.sampled_from(["", "no control"])),
    st.builds(settled, IDS, st.sampled_from(DECISIONS)),
    st.builds(withdrawn, IDS, st.sampled_from(REVIEWERS)),
    st.builds(merged, IDS, IDS),
    st.builds(split, IDS),
    st.builds(protocol, st.sampled_from(["single", "dual", "liberal"])),
    st.just(("accept_stop", {})),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=30), cut=st.integers(0, 30))
def test_the_state_is_a_pure_fold(steps: list[tuple[str, dict[str, Any]]], cut: int) -> None:
    """Read at once, or on from any place with its outcomes asked for between: the same state."""
    all_ = entries(protocol("dual"), records(*RECORDS), *steps)
    whole = fold(all_)
    stepped = State()
    for place in sorted({min(cut, len(all_)), len(all_)}):
        stepped.extend(all_[stepped.seq : place])
        stepped.summary()
    assert stepped.summary() == whole.summary() == fold(all_).summary()


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=30))
def test_counts_sum_up_and_clusters_part_the_records(steps: list[tuple[str, dict[str, Any]]]) -> None:
    found = fold(entries(protocol("dual"), records(*RECORDS), *steps))
    for stage in ("title_abstract", "full_text"):
        units = found.units(stage)  # type: ignore[arg-type]
        assert sum(found.counts(stage).values()) == len(units)  # type: ignore[arg-type]
        for id in units:
            assert found.counts(stage)[found.outcome(id, stage).result] > 0  # type: ignore[arg-type]
    members = [id for unit in found.units() for id in found.members_of(unit)]
    assert sorted(members) == sorted(RECORDS)
    assert len(found.units()) + found.duplicates == len(RECORDS)
    assert all(len(cluster) > 1 and cluster[0] == master for master, cluster in found.clusters.items())


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=20), word=st.sampled_from(DECISIONS))
def test_a_decision_and_its_withdrawal_leave_the_outcomes_as_they_were(
    steps: list[tuple[str, dict[str, Any]]], word: str
) -> None:
    steps = [step for step in steps if step[1].get("reviewer") != "dan"]
    before = fold(entries(protocol("dual"), records(*RECORDS), *steps)).summary()
    after = fold(
        entries(protocol("dual"), records(*RECORDS), *steps, decided("a", word, "dan"), withdrawn("a", "dan"))
    ).summary()
    del before["decisions"], after["decisions"]
    # A record on which somebody decided and took it back is known to be pending.
    for stage in after["outcomes"]:
        known = before["outcomes"][stage]
        assert {id: was for id, was in after["outcomes"][stage].items() if id in known or was[0] != "pending"} == known


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    "strange",
    [("gossip", {}), ("decision", {"id": "a"}), ("merge", {"clusters": [{"members": 7}]}),
     ("import", {"ids": ["a"]}), ("update", {"flags": [{}]})],
    ids=lambda strange: strange[0],
)  # fmt: skip
def test_an_entry_that_says_nothing_we_know_is_damage_and_no_crash(strange: tuple[str, dict[str, Any]]) -> None:
    with pytest.raises(StoreDamagedError, match="entry 3 of the ledger") as failure:
        state("single", strange)
    assert failure.value.exit_status == 3
