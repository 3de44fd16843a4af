"""What a wish to decide must hold before it is an entry of the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError, ConsilienceError
from consilience.records import normal_space
from consilience.screening.ledger import Entry
from consilience.screening.protocol import STAGES, Stage
from consilience.screening.state import DECISIONS, Decision

if TYPE_CHECKING:
    from consilience.screening.review import Actor, Review

LONGEST = 2000  # characters of a reason or a quote
WORDS = (*DECISIONS, "withdraw")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to have decided, as he says it."""

    id: str
    decision: str
    reviewer: str | None = None
    stage: str = "title_abstract"
    reason: str = ""
    criterion: str = ""
    quote: Mapping[str, Any] | str | None = None
    actor: Actor | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A wish that may be granted: its entry, or none where the decision in force says the same."""

    id: str
    decision: str
    stage: Stage
    reviewer: str
    prior: Decision | None
    entry: tuple[str, Mapping[str, str], Mapping[str, Any]] | None

    def bears_on(self, wish: Wish) -> bool:
        """Say whether a later wish on the same record needs this one granted: same reviewer, or another stage."""
        return self.stage != wish.stage or (wish.reviewer or self.reviewer).strip() == self.reviewer

    def told(self, seq: int, sha256: str) -> dict[str, Any]:
        """The `screen decide` object."""
        return {
            "id": self.id, "decision": self.decision, "stage": self.stage, "reviewer": self.reviewer,
            "changed": self.entry is not None, "ledger": {"seq": seq, "sha256": sha256},
        }  # fmt: skip


def wished(review: Review, wish: Wish) -> Prepared:
    """Hold a wish to the protocol and to the record; what is wrong with it is one `BadInputError`."""
    stage = stage_of(wish.stage)
    if wish.decision not in WORDS:
        raise BadInputError(f"{wish.decision!r} is no decision", where="decision", expected=", ".join(WORDS))
    reviewer = review.reviewer(wish.reviewer)
    id = review.resolve(wish.id)
    state = review.state
    prior = state.decisions(id, stage).get(reviewer)
    actor = _actor(wish, reviewer)
    if prior is not None and prior.actor["type"] == "person" and actor["type"] != "person":
        raise BadInputError(f"{reviewer} has decided on {id} as a person, whom no {actor['type']} supersedes", where=id,
                            expected="a reviewer's name of its own for what is no person")  # fmt: skip
    if wish.decision == "withdraw":
        if prior is None:
            raise BadInputError(f"{reviewer} has decided nothing on {id}", where=id, expected="a decision to withdraw")
        body = {"id": id, "stage": stage, "reviewer": reviewer, "prior": prior.sha256}
        return Prepared(id, wish.decision, stage, reviewer, prior, ("withdrawn", actor, body))
    said = checked(review, id, wish.decision, stage, wish.reason, wish.criterion, wish.quote)
    if prior is not None and _same(prior, said, actor):
        return Prepared(id, wish.decision, stage, reviewer, prior, None)
    body = {
        "id": id, "stage": stage, "reviewer": reviewer, **said, "protocol": review.protocol.digest,
        "prior": prior.sha256 if prior else "", "drawn": prior.drawn if prior else review.drawn(id, stage),
        **(review.hint(review.records()[id]) if stage == "title_abstract" else {}),
    }  # fmt: skip
    return Prepared(id, wish.decision, stage, reviewer, prior, ("decision", actor, body))


def checked(
    review: Review, id: str, decision: str, stage: Stage, reason: str, criterion: str,
    quote: Mapping[str, Any] | str | None,
) -> dict[str, Any]:  # fmt: skip
    """The part of a decision that says what and why, held to the protocol and to the record."""
    if stage == "full_text":
        first = review.state.outcome(id, "title_abstract").result
        if first not in ("include", "unclear"):
            raise BadInputError(f"{id} is {first} at title and abstract", where=id,
                                expected="a record that was included there")  # fmt: skip
    names = [each.name for each in review.protocol.criteria]
    if criterion and names and criterion not in names:
        raise BadInputError(f"the protocol has no criterion {criterion!r}", where="--criterion",
                            expected=", ".join(names))  # fmt: skip
    said = normal_space(reason) or (criterion if decision == "exclude" else "")
    if len(said) > LONGEST:
        raise BadInputError("the reason is too long", where="--reason", expected=f"at most {LONGEST} characters")
    if stage == "full_text" and decision == "exclude" and not said:
        raise BadInputError("an exclusion at full text needs its reason", where=id,
                            expected="--reason TEXT or --criterion NAME; PRISMA counts them")  # fmt: skip
    raw = review.records().raw(id)
    found = {"decision": decision, "reason": said, "criterion": criterion, "input": hashlib.sha256(raw).hexdigest()}
    return {**found, **({"quote": span} if (span := _span(review, id, quote)) else {})}


def stage_of(name: str) -> Stage:
    """The stage called so."""
    found = next((stage for stage in STAGES if stage == name), None)
    if found is None:
        raise BadInputError(f"there is no stage {name!r}", where="--stage", expected=" or ".join(STAGES))
    return found


def _actor(wish: Wish, reviewer: str) -> dict[str, str]:
    if wish.actor is None:
        return {"type": "person", "name": reviewer}
    return wish.actor.as_json()


def _same(prior: Decision, said: Mapping[str, Any], actor: Mapping[str, str]) -> bool:
    """Say whether the decision in force says what is wished, on the same input, by the same hand."""
    names = ("decision", "reason", "criterion", "input")
    return (all(getattr(prior, name) == said[name] for name in names) and prior.quote == said.get("quote")
            and dict(prior.actor) == dict(actor))  # fmt: skip


def _span(review: Review, id: str, quote: Mapping[str, Any] | str | None) -> dict[str, Any] | None:
    """A quote as a span of a field of the record; one that does not stand there is refused."""
    if not quote:
        return None
    record = review.records()[id]
    if isinstance(quote, str):
        said = normal_space(quote)
        for name in ("title", "abstract"):
            if said and (at := str(record.get(name) or "").find(said)) >= 0:
                return {"field": name, "start": at, "end": at + len(said), "quote": said}
        raise BadInputError("the quote does not stand in the record", where=id, expected="words of title or abstract")
    field, start, end = quote.get("field"), quote.get("start"), quote.get("end")
    whole = record.get(field) if isinstance(field, str) else None
    if not isinstance(whole, str) or not isinstance(start, int) or not isinstance(end, int):
        raise BadInputError("the span names no text of the record", where=id, expected='{"field", "start", "end"}')
    words = whole[start:end] if 0 <= start < end <= len(whole) else ""
    if not words or len(words) > LONGEST or quote.get("quote", quote.get("text", words)) != words:
        raise BadInputError("the quote does not stand at its place", where=id, expected="quote == text[start:end]")
    return {"field": field, "start": start, "end": end, "quote": words}


# ---------------------------------------------------------------- many at once

BATCH = 256  # decisions by one write and one flush to the disk


def in_batches(review: Review, wishes: Iterable[Wish], each: Callable[[int, dict[str, Any]], None]) -> tuple[int, int]:
    """Grant wishes in their order, some hundreds by one write; one that cannot be granted costs no other."""
    made = stood = 0
    pending = iter(enumerate(wishes))
    while chunk := list(islice(pending, BATCH)):
        with review.changing():
            new, old = _granted(review, chunk, each)
        made, stood = made + new, stood + old
    return made, stood


def _granted(
    review: Review, chunk: Sequence[tuple[int, Wish]], each: Callable[[int, dict[str, Any]], None]
) -> tuple[int, int]:
    waiting: list[tuple[int, Prepared]] = []
    made = stood = 0

    def write() -> None:
        entries = review.append_all([found.entry for _, found in waiting if found.entry is not None])
        for (number, found), entry in zip(waiting, entries, strict=True):
            each(number, found.told(entry.seq, entry.sha256))
        waiting.clear()

    for number, wish in chunk:
        try:
            units = review.named(wish.id) if waiting else ()
            if any(other.id in units and other.bears_on(wish) for _, other in waiting):
                write()  # the later of two decisions on one record names the earlier, or rests on it
            found = wished(review, wish)
        except ConsilienceError as error:
            each(number, error.as_json())
            continue
        if found.entry is None and found.prior is not None:
            stood += 1
            each(number, found.told(found.prior.seq, found.prior.sha256))
        else:
            made += 1
            waiting.append((number, found))
    write()
    return made, stood


def adjudicated(
    review: Review, id: str, decision: str, *, by: str, stage: str, reason: str, criterion: str,
    quote: Mapping[str, Any] | str | None,
) -> Entry:  # fmt: skip
    """The entry that settles a conflict, or settles anew what was settled before."""
    at = stage_of(stage)
    if decision not in DECISIONS or (decision == "unclear" and at == "full_text"):
        raise BadInputError(f"{decision!r} settles nothing", where="decision", expected="include or exclude")
    if not by.strip():
        raise BadInputError("who settles it?", where="--by", expected="a name")
    state, unit = review.state, review.resolve(id)
    if state.outcome(unit, at).result != "conflict" and state.adjudication(unit, at) is None:
        raise BadInputError(f"{unit} is in no conflict", where=unit, expected="a record that screen conflicts lists")
    said = checked(review, unit, decision, at, reason, criterion, quote)
    if by.strip() in state.decisions(unit, at):
        review.warnings.append(f"{by.strip()} is a party to this conflict and settles it")
    before = state.adjudication(unit, at)
    body = {"id": unit, "stage": at, "reviewer": by.strip(), **said, "protocol": review.protocol.digest,
            "prior": before.sha256 if before else ""}  # fmt: skip
    return review.append("adjudication", {"type": "person", "name": by.strip()}, body)
