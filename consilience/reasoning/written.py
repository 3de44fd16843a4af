"""The chain that a language model writes: wording for what other chains found, and never more than that.

The model sees numbered quotations and returns a verdict and sentences that cite them by number. Everything it returns
is checked here: a number that was not given, or an identifier of its own, fails the chain; a sentence stays only if it
is a quotation or a paraphrase that stands against its own quotations. Its verdict is told beside the others' and turns
none of them; where it differs from theirs, its sentences are left out. Its sub-questions widen what is looked at.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from consilience.errors import ConsilienceError, StoreDamagedError
from consilience.home import fingerprint
from consilience.models import Language
from consilience.models.cues import read
from consilience.reasoning.candidates import BREAKS
from consilience.reasoning.chain import Ground, Outcome
from consilience.reasoning.cite import IDENTIFIER, Citations
from consilience.reasoning.decompose import PARTS
from consilience.reasoning.evidence import Finding
from consilience.reasoning.question import Kind, Question
from consilience.reasoning.verify import FLOOR, Verification
from consilience.records import normal_space
from consilience.text import words

NAME = "written"
PROMPTS = ("conclude.v1", "decompose.v1", "refute.v1")
SOURCES = 12  # quotations shown to the model at most
SENTENCES = 4
_LONGEST_QUOTE = 1200  # characters of one quotation shown
_CITED = 3  # sources of one sentence at most
_WORD = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[-'’./]")


class _Form(BaseModel):
    # Lists have an end in the schema: a small model that is held to it would go on for ever.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Sentence(_Form):
    """One sentence, and the numbers of the sources that say it."""

    text: str
    citations: Annotated[list[int], Field(max_length=_CITED)]


class Conclusion(_Form):
    """What the model makes of the sources."""

    verdict: Literal["yes", "no", "mixed", "insufficient"]
    sentences: Annotated[list[Sentence], Field(max_length=SENTENCES)]


class Refutation(_Form):
    """The numbers of the sentences that their sources do not say."""

    unsupported: Annotated[list[int], Field(max_length=SENTENCES)]


class SubQuestions(_Form):
    """The questions to search for separately."""

    questions: Annotated[list[str], Field(max_length=PARTS)]


class InventedCitationError(ConsilienceError):
    """A model cited what it was not given; nothing of that reply is used."""


@dataclass(frozen=True, slots=True)
class Source:
    """One quotation as the model is shown it."""

    finding: Finding
    quote: str
    published: str

    def as_json(self, number: int) -> dict[str, object]:
        """The line of data the model reads."""
        return {"source": number, "published": self.published, "design": self.finding.design,
                "text": self.quote[:_LONGEST_QUOTE]}  # fmt: skip


@dataclass
class Written:
    """What came of the chain: its verdict, the sentences that stand, and what each step did."""

    question: str
    verdict: str | None = None
    sentences: list[tuple[str, list[Finding]]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None

    def step(self, action: str, query: str, found: Iterable[str]) -> None:
        """Note one action for the trace; never the model's own words, which may be anything."""
        self.steps.append({"action": action, "query": query, "found": list(found)})

    def as_json(self, *, trace: bool) -> dict[str, Any]:
        """The chain as an answer reports it."""
        studies = {finding.study for _, findings in self.sentences for finding in findings}
        return {
            "name": NAME, "question": self.question, "verdict": self.verdict, "confidence": None,
            "independent_studies": len(studies), "steps": self.steps if trace else len(self.steps),
            "error": self.error,
        }  # fmt: skip


def prompt(name: str) -> str:
    """The text of one prompt, by name and version."""
    return (resources.files("consilience.reasoning") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()


def version() -> str:
    """The hash of all prompts: part of the configuration that an answer names."""
    return fingerprint({name: prompt(name) for name in PROMPTS})


def fenced(value: object) -> str:
    """JSON on one line that no content can get out of: quotes, angle brackets and what does not show are escaped."""
    plain = json.dumps(value, ensure_ascii=False)
    return "".join(_escaped(sign) if sign in "<>&" or (unicodedata.category(sign)[0] in "CZ" and sign != " ") else sign
                   for sign in plain)  # fmt: skip


def _escaped(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 126 else f"\\u{ord(sign):04x}"


# ---------------------------------------------------------------- the chain


def write(question: Question, findings: Sequence[Finding], ground: Ground, language: Language) -> Written:
    """Have the model write from these findings, weightiest first; whatever goes wrong costs only this chain."""
    made = Written(question.text)
    try:
        _write(made, question.kind, sources(findings, ground), ground, language)
    except StoreDamagedError:
        raise
    except ConsilienceError as error:
        made.error = error.message
    except Exception as error:  # one chain's crash costs only that chain
        made.error = type(error).__name__
    if made.error is not None:
        made.verdict, made.sentences = None, []
    return made


def _write(made: Written, kind: Kind, given: Sequence[Source], ground: Ground, language: Language) -> None:
    if not given:
        made.verdict = "insufficient" if kind == "polar" else None
        return
    asked = f"<question>\n{fenced(made.question)}\n</question>\n{_data(given)}"
    conclusion = language.complete(prompt("conclude.v1"), asked, form=Conclusion)
    made.step("write", made.question, [source.finding.document for source in given])
    found = [_resolved(sentence, given) for sentence in conclusion.sentences]
    made.sentences = list(_standing(found, ground))
    made.step("check", f"{len(found)} sentences", (f.document for _, findings in made.sentences for f in findings))
    _refute(made, language, given)
    # A verdict of which no sentence stands is an opinion.
    told = conclusion.verdict if made.sentences else "insufficient"
    made.verdict = told if kind == "polar" else None


def sources(findings: Iterable[Finding], ground: Ground) -> list[Source]:
    """The quotations to write from, each once."""
    unique = list({finding.key: finding for finding in findings}.values())[:SOURCES]
    found = []
    for finding in unique:
        text = ground.corpus.document(finding.row).fields[finding.field]
        found.append(Source(finding, text[finding.start : finding.end], str(finding.year or "undated")))
    return found


def _data(given: Sequence[Source]) -> str:
    lines = "\n".join(fenced(source.as_json(number)) for number, source in enumerate(given, start=1))
    return f"<data>\n{lines}\n</data>"


def _resolved(sentence: Sentence, given: Sequence[Source]) -> tuple[str, list[Source]]:
    """A sentence with the sources it cites; one number or identifier that was not given fails the chain."""
    if any(not 1 <= number <= len(given) for number in sentence.citations):
        raise InventedCitationError("the language model cited a source that it was not given", where="model")
    text = normal_space(sentence.text)
    named = [found[0].lower() for found in IDENTIFIER.finditer(text)]
    if any(not any(name in source.quote.lower() for source in given) for name in named):
        raise InventedCitationError("the language model named a source of its own", where="model")
    return text, [given[number - 1] for number in dict.fromkeys(sentence.citations)]


def _standing(found: Iterable[tuple[str, Sequence[Source]]], ground: Ground) -> Iterable[tuple[str, list[Finding]]]:
    """The sentences that stand, each once, each with those of its sources that say it by themselves."""
    # Of its own: what is refuted later leaves no citation in the answer's.
    checked = Citations(ground.corpus, ground.clocks, entailment=ground.entailment, names=ground.linker)
    seen: set[str] = set()
    for text, given in found:
        bearing = [source.finding for source in given if stands(text, source, checked)]
        if bearing and text not in seen:
            seen.add(text)
            yield text, bearing


def stands(text: str, source: Source, checked: Citations) -> bool:
    """Say whether a sentence is a quotation whole, or a paraphrase of it that adds nothing and passes the verifier.

    A part of a quotation is a paraphrase: "reduces pain" may be cut out of "it is not so that X reduces pain".
    """
    if text != source.quote and not adds_nothing(text, source.quote):
        return False
    return checked.paraphrase(text, [source.finding]) is not None


def adds_nothing(text: str, quote: str) -> bool:
    """Whether every name in a sentence, and every cue of direction, worth or doubt, is in its quotation too.

    The verifier's judge may be deaf to a word it does not know; what is not in the source needs no judge.
    """
    given = {part for word in words(quote) for part in (word, *_PARTS.split(word))}
    new = [word for word in _WORD.findall(text) if word.lower() not in given and word.lower() not in BREAKS]
    if any(not word.islower() for word in new):
        return False
    return read(text).whole.cues <= read(quote).whole.cues


def _refute(made: Written, language: Language, given: Sequence[Source]) -> None:
    """Ask which of the model's own wordings their sources do not say; it can only take away."""
    numbers_of = {source.finding.key: number for number, source in enumerate(given, start=1)}
    quotes = {source.quote for source in given}
    worded = [place for place, (text, _) in enumerate(made.sentences) if text not in quotes]
    if not worded:
        return
    lines = "\n".join(
        fenced({"sentence": place, "text": made.sentences[place][0],
                "citations": [numbers_of[finding.key] for finding in made.sentences[place][1]]})
        for place in worded
    )  # fmt: skip
    told = language.complete(
        prompt("refute.v1"), f"{_data(given)}\n<sentences>\n{lines}\n</sentences>", form=Refutation
    )
    gone = set(told.unsupported) & set(worded)
    made.sentences = [each for place, each in enumerate(made.sentences) if place not in gone]
    made.step("refute", f"{len(worded)} sentences", (f.document for _, findings in made.sentences for f in findings))


# ---------------------------------------------------------------- into the answer


def add(
    body: dict[str, Any], question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground,
    cited: Citations, language: Language, *, trace: bool = False,
) -> list[str]:  # fmt: skip
    """Add the chain to an answer made without it: a row, and wording before its sentences; return the warnings.

    An abstention stays one, and costs no call. A quotation that is given already is not said twice. A model that reads
    the evidence otherwise is told of and not followed: its verdict turns none.
    """
    findings = () if body["abstained"] else _worth_reading(question, joint, outcomes)
    made = write(question, findings, ground, language)
    body["chains"].append(made.as_json(trace=trace))
    if made.error is not None or body["abstained"]:
        return []
    if not made.sentences:
        return ["nothing that the language model wrote stands against its sources"]
    if made.verdict != body["verdict"]:
        return [f"the language model reads the same sources as {made.verdict}; the answer is what the others find"]
    said = {sentence["text"] for sentence in body["sentences"]}
    added = []
    for text, bearing in made.sentences:
        numbers = cited.numbers(bearing)
        if text not in said and numbers:
            added.append({"text": text, "citations": numbers})
    body["sentences"] = [*added, *body["sentences"]]
    return []


def _worth_reading(question: Question, joint: Verification, outcomes: Sequence[Outcome]) -> list[Finding]:
    """The weightiest study's word first; for a question that weighs nothing, the nearest sentence first."""
    if question.kind == "polar":
        return [unit.finding for unit in joint.units]
    near = [f for outcome in outcomes for f in outcome.findings if f.relevance >= FLOOR and f.design != "notice"]
    return sorted(near, key=lambda f: (-f.relevance * f.weight, f.key))


# ---------------------------------------------------------------- sub-questions


def decomposer(language: Language) -> Callable[[str], list[str]]:
    """What takes a question apart by a model; its parts are held to the rules of `decompose`, and a failure is none."""

    def parts(question: str) -> list[str]:
        try:
            told = language.complete(prompt("decompose.v1"), fenced(question), form=SubQuestions)
        except ConsilienceError:
            return []
        return told.questions

    return parts
