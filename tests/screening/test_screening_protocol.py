from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.screening.protocol import (
    ELEMENTS,
    MODES,
    STAGES,
    Criterion,
    Protocol,
    changed,
    from_words,
    protocol_of,
    protocol_yaml,
    read_protocol,
)
from consilience.screening.review import Review

WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)


@given(
    title=WORDS,
    pico=st.dictionaries(st.sampled_from(ELEMENTS), st.lists(WORDS, max_size=3).map(tuple)),
    criteria=st.lists(
        st.builds(Criterion, WORDS, WORDS, element=st.sampled_from(ELEMENTS), stage=st.sampled_from(STAGES),
                  terms=st.lists(WORDS, max_size=2).map(tuple)),
        max_size=3, unique_by=lambda each: each.name,
    ),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_protocol_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, title: str, pico: dict[str, tuple[str, ...]], criteria: list[Criterion],
    mode: str, seed: int,
) -> None:  # fmt: skip
    plan = Protocol(title, pico=pico, criteria=tuple(criteria), mode=mode, seed=seed,  # type: ignore[arg-type]
                    reviewers=("ada", "bob"))  # fmt: skip
    path = tmp_path_factory.mktemp("plan") / "protocol.yaml"
    path.write_text(protocol_yaml(plan), encoding="utf-8")
    assert read_protocol(path) == plan
    assert read_protocol(path).digest == plan.digest
    assert protocol_of(plan.as_json()) == plan


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: T\ncolour: red\n", "colour"),
        ("question: why\n", "title"),
        ("title: T\nmode: triple\n", "mode"),
        ("title: T\nmode: dual\nreviewers: [ada]\n", "needs two reviewers"),
        ("title: T\ntarget: 95\n", "target"),
        ("title: T\nseed: -1\n", "seed"),
        ("title: T\nstop: []\n", "stop"),
        ("title: T\npico: {people: [adults]}\n", "pico"),
        ("title: T\ncriteria: [{name: a, text: b}, {name: a, text: c}]\n", "stands twice"),
        ("title: [\n", "line 2 is not YAML"),
        ("- a\n- b\n", "a YAML mapping"),
        ("title: &a T\nquestion: *a\n", "aliases"),
        ("", "a YAML mapping"),
    ],
)
def test_a_protocol_that_says_something_else_is_one_clear_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=told) as failure:
        read_protocol(path)
    assert failure.value.where == "protocol.yaml"


def test_a_number_may_name_a_version(tmp_path: Path) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_text("title: T\nversion: 1.2\n")
    assert read_protocol(path).version == "1.2"


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_bytes(b"title: " + b"x" * (1 << 20))
    with pytest.raises(BadInputError, match="too large"):
        read_protocol(path)
    path.write_bytes(b"title: \xff\n")
    with pytest.raises(BadInputError, match="UTF-8"):
        read_protocol(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_protocol(tmp_path / "absent.yaml")


def test_a_question_alone_makes_a_protocol() -> None:
    plan = from_words("  Does velorine\n prevent stroke? ")
    assert plan.title == plan.question == "Does velorine prevent stroke?"
    with pytest.raises(BadInputError):
        from_words("   ")


def test_what_changed_is_told_by_its_keys() -> None:
    assert changed(Protocol("A"), Protocol("A", seed=2, search="velorine[tiab]")) == ("seed", "search")


def test_a_stop_rule_there_is_not_makes_no_review(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no stop rule 'magic'"):
        Review.create(tmp_path / "review", Protocol("A", stop=("magic",)))
    assert not (tmp_path / "review").exists()
