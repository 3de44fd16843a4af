"""What must be true of every answer: its quotations stand, and nothing under it is later or barred."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from consilience import Home
from consilience.clocks import parse_day, parse_instant
from consilience.reasoning.evidence import BARRED
from consilience.records import sha256


@dataclass
class Standing:
    """Answers held against the documents of their home; what does not stand is told, not raised, so that all are."""

    home: Home
    answers: int = 0
    citations: int = 0
    faults: list[str] = field(default_factory=list)
    cited: dict[str, set[int]] = field(default_factory=dict)

    def hold(self, number: int, answer: dict[str, Any]) -> None:
        """Check one answer: an abstention is no answer and cites nothing."""
        said = [*answer["sentences"], *answer["items"]]
        if answer["abstained"]:
            self._fault(number, "abstains and says something", not said and not answer["citations"])
            return
        self.answers += 1
        used = {place for sentence in said for place in sentence["citations"]}
        self._fault(number, "a sentence without a citation", all(sentence["citations"] for sentence in said))
        self._fault(number, "a citation that is not there", used <= set(range(len(answer["citations"]))))
        for citation in answer["citations"]:
            self.cited.setdefault(citation["id"], set()).add(number)
            self._citation(number, citation, parse_day(answer["as_of"]), answer["known_at"])

    def _citation(self, number: int, citation: dict[str, Any], as_of: date, known_at: str) -> None:
        self.citations += 1
        shown = self.home.show(citation["id"], version=citation["version"], as_of=as_of, known_at=known_at)
        text = shown["fields"].get(citation["field"], "")
        place = slice(citation["start"], citation["end"])
        exact = text[place] == citation["quote"] != "" and sha256(text) == citation["sha256"]
        self._fault(number, f"{citation['id']} is misquoted", exact)
        self._fault(number, f"{citation['id']} is {shown['status']}", shown["status"] not in BARRED)
        day = shown["published"]
        self._fault(
            number, f"{citation['id']} is of {day}, after {as_of}", day is None or date.fromisoformat(day) <= as_of
        )
        read = [v for v in shown["versions"] if v["version"] == citation["version"]]
        known = any(parse_instant(v["known_from"]) <= parse_instant(known_at) for v in read)
        self._fault(number, f"{citation['id']} was read after {known_at}", known)

    def _fault(self, number: int, what: str, holds: bool) -> None:
        if not holds:
            self.faults.append(f"answer {number}: {what}")
