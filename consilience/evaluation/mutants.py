"""The mutation suite: answers of our own, each with one thing put wrong by rule; is it found, and named rightly?

After DAS's scheduled red team (JZPeterPan/DAS-Medical-Red-Teaming-Agents): a check that finds nothing in good answers
and everything in these may stand between a model and a reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Statistic, ratio
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import MutantsSuite
from consilience.evaluation.engine import Audits, Engine, attempt
from consilience.evaluation.outcome import Clock, Outcome, Scored
from consilience.models.perturbations import mutants

Answer = dict[str, Any]
# What each kind of mutant of a sentence is to be called.
_CODE_OF = {"number": "1E", "unit": "1E", "negation": "2B", "direction": "2B", "entity": "4A", "population": "4A"}
# What needs no reading: identifiers, versions, quotations and citations are compared as strings.
_STRINGS = frozenset({"2A", "2D", "2E", "2F"})
CODES = ("1E", "2A", "2B", "2C", "2D", "2E", "2F", "4A")


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer with one thing put wrong, what was done, and the code that says so; of the answer as it was, ""."""

    question: int
    done: str
    code: str
    answer: Answer


def mutate(suite: MutantsSuite, asked: Sequence[Question], engine: Engine, *, clock: Clock) -> Outcome:
    """Asks the questions, puts the answers wrong, and has all of them audited."""
    if not isinstance(engine, Audits):
        raise BadInputError("This engine audits no answers.", where=suite.kind, expected="a home")
    answers = [attempt(partial(engine.ask, question.text, as_of=question.as_of)) for question in asked]
    said = [json.loads(json.dumps(answer)) if answer.get("sentences") else None for answer in answers]
    if not any(said):
        raise BadInputError(
            "No question was answered: nothing can be put wrong.", where=suite.data, expected="a home that answers"
        )
    made = [
        wrong for place, answer in enumerate(said) if answer for wrong in put_wrong(place, answer, said, suite.seed)
    ]
    start = clock()
    told = engine.audit([wrong.answer for wrong in made])["answers"]
    seconds = clock() - start
    found = [frozenset(one["code"] for one in answer["codes"]) for answer in told]
    strings = [codes & _STRINGS for codes in found]
    systems = (
        Scored("audit", _figures(made, found, len(asked)), len(made), seconds),
        Scored("strings", _figures(made, strings, len(asked))),
        Scored("nothing", _figures(made, [frozenset[str]()] * len(made), len(asked))),
    )
    silent = sum(answer is None for answer in said)
    return Outcome(
        len(asked), systems, details=tuple(_details(made, told)),
        groups=_groups(made, found),
        warnings=(f"{silent} questions were not answered: nothing of them is put wrong",) if silent else (),
        provenance={"mutants": len(made), "seed": suite.seed},
    )  # fmt: skip


def put_wrong(place: int, answer: Answer, every: Sequence[Answer | None], seed: int) -> Iterator[Wrong]:
    """The answer as it is, then one copy for each thing that can be put wrong in it."""
    yield Wrong(place, "as it is", "", answer)
    # A document of a later day would be no document at all to this answer.
    others = [one for at, one in enumerate(every) if at != place and one and one["as_of"] <= answer["as_of"]]
    for done, code, change in _CITATION_CHANGES:
        changed = _copy(answer)
        change(changed["citations"][answer["sentences"][0]["citations"][0]])
        yield Wrong(place, done, code, changed)
    bare = _copy(answer)
    bare["sentences"][0]["citations"] = []
    yield Wrong(place, "no citation", "2D", bare)
    beyond = _copy(answer)
    beyond["sentences"][0]["citations"] = [len(answer["citations"])]
    yield Wrong(place, "a citation that is not there", "2A", beyond)
    if others:
        strange = _copy(answer)
        strange["citations"].append(others[(place * 7919) % len(others)]["citations"][0])
        strange["sentences"][0]["citations"] = [len(answer["citations"])]
        yield Wrong(place, "another question's source", "2C", strange)
    for at, sentence in enumerate(answer["sentences"]):
        for mutant in mutants(sentence["text"], seed=seed):
            changed = _copy(answer)
            changed["sentences"][at]["text"] = mutant.text
            yield Wrong(place, mutant.kind, _CODE_OF[mutant.kind], changed)


def _copy(answer: Answer) -> Answer:
    copied: Answer = json.loads(json.dumps(answer))
    return copied


def _made_up(citation: Answer) -> None:
    citation["id"] = "PMID:98765432"


def _other_version(citation: Answer) -> None:
    citation["version"] = "".join(sorted(citation["version"], reverse=True))[:11] + "0"


def _other_title(citation: Answer) -> None:
    citation["title"] = "A trial that nobody ran"


def _other_quote(citation: Answer) -> None:
    words = citation["quote"].split(" ")
    citation["quote"] = " ".join([*words[:-2], words[-1], *words[-2:-1]]) if len(words) > 2 else "not so"


def _other_place(citation: Answer) -> None:
    citation["start"], citation["end"] = citation["start"] + 1, citation["end"] + 1


_CITATION_CHANGES: tuple[tuple[str, str, Callable[[Answer], None]], ...] = (
    ("a made-up identifier", "2A", _made_up),
    ("another version", "2F", _other_version),
    ("another title", "2F", _other_title),
    ("two words of the quotation exchanged", "2E", _other_quote),
    ("the quotation a place further on", "2E", _other_place),
)


def _figures(made: Sequence[Wrong], found: Sequence[frozenset[str]], n: int) -> dict[str, Statistic]:
    """Of each code precision and recall; `clean` good answers without a code, `caught` wrong ones with any."""
    figures: dict[str, Statistic] = {
        "clean": _share(made, n, [not codes for codes in found], [not wrong.code for wrong in made]),
        "caught": _share(made, n, [bool(codes) for codes in found], [bool(wrong.code) for wrong in made]),
    }
    for code in CODES:
        meant = [wrong.code == code for wrong in made]
        given = [code in codes for codes in found]
        figures[f"precision_{code}"] = _share(made, n, meant, given)
        figures[f"recall_{code}"] = _share(made, n, given, meant)
    return figures


def _share(made: Sequence[Wrong], n: int, hits: Sequence[bool], tries: Sequence[bool]) -> Statistic:
    """How often it is so among those where it counts, summed by question."""
    above, below = [0.0] * n, [0.0] * n
    for wrong, hit, counts in zip(made, hits, tries, strict=True):
        above[wrong.question] += hit and counts
        below[wrong.question] += counts
    return ratio(above, below)


def _groups(made: Sequence[Wrong], found: Sequence[frozenset[str]]) -> dict[str, Any]:
    """By what was done: how often any code was given, and how often the right one."""
    from consilience.evaluation.linking import wilson

    table: dict[str, Any] = {}
    for done in sorted({wrong.done for wrong in made if wrong.code}):
        those = [
            (wrong.code in codes, bool(codes)) for wrong, codes in zip(made, found, strict=True) if wrong.done == done
        ]
        for name, hits in (("named", sum(a for a, _ in those)), ("caught", sum(b for _, b in those))):
            table.setdefault(done, {})[name] = {
                "value": round(hits / len(those), 6), "ci95": wilson(hits, len(those)), "n": len(those),
            }  # fmt: skip
    return table


def _details(made: Sequence[Wrong], told: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for wrong, found in zip(made, told, strict=True):
        yield {"id": str(wrong.question), "done": wrong.done, "code": wrong.code, "codes": found["codes"]}
