"""How well changes between versions of a guideline are told apart: changes made by rule, and what they are taken for.

Rules put one change of a known kind into a recommendation, as DriftMedQA's authors did by hand (arXiv 2505.07968).
Wordings are of four sorts, measured apart: `known` words stand in the classifier's lists; `seen` and `held_out` ones do
not, but were looked at before its present rules were written; `fresh` ones were written before those were measured, and
nothing was changed for them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from consilience.corpora import guidelines
from consilience.corpora.guidelines.kinds import KINDS, Kind, differences, kinds
from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Statistic, ratio
from consilience.evaluation.definition import GuidelineChangesSuite
from consilience.evaluation.linking import wilson
from consilience.evaluation.outcome import Clock, Outcome, Scored

Wording = Literal["known", "seen", "held_out", "fresh"]
WORDINGS: tuple[Wording, ...] = ("known", "seen", "held_out", "fresh")
Swaps = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `pattern` stands first, put `instead`: a change of one kind; the pattern's case counts."""

    kind: Kind
    pattern: str
    instead: str
    wording: Wording = "known"


@dataclass(frozen=True, slots=True)
class Perturbed:
    """A recommendation, the same with one change made by rule, and the kind of that change."""

    base: int
    before: str
    after: str
    rule: Rule


def _rules(kind: Kind, *, known: Swaps, seen: Swaps, held_out: Swaps, fresh: Swaps) -> list[Rule]:
    sorts: tuple[tuple[Wording, Swaps], ...] = (
        ("known", known),
        ("seen", seen),
        ("held_out", held_out),
        ("fresh", fresh),
    )
    return [Rule(kind, pattern, instead, wording) for wording, swaps in sorts for pattern, instead in swaps]


_END = r"\.(?=\s*(?:\([^)]*\)\s*)?$)|(?<!\.)$"
RULES: tuple[Rule, ...] = (
    *_rules(
        "clinical_context",
        known=[
            (r"\badults\b", "children"),
            (r"\b(?:aged )?50 years\b", "aged 65 years"),
            (r"\b70 years\b", "80 years"),
            (r"\baged 40 to 70 years\b", "aged 55 to 75 years"),
            (r"\bcoronary heart disease\b", "chronic kidney disease"),
            (r"\b[Pp]ostmenopausal women\b", "premenopausal women"),
            (r"\bat increased risk of bleeding\b", "with a history of stroke"),
            (r"\bwomen\b", "men"),
        ],
        seen=[
            (r"\bpatients with ARDS\b", "patients with burns"),
            (r"\bin adults\b", "in bus drivers"),
            (r"\bwith COVID-19\b", "with influenza"),
            (r"\bIn ARDS\b", "In drowning"),
            (r"\badults aged\b", "astronauts aged"),
            (r"\bpostmenopausal women\b", "transplant recipients"),
            (r"\bwho has a uterus\b", "who lives alone"),
            (r"\bincreased risk of bleeding\b", "epilepsy"),
            (r"\bintensive care patients\b", "nursing-home residents"),
        ],
        held_out=[
            (r"\badults\b", "school leavers"),
            (r"\bpatients(?= with)", "travellers"),
            (r"(?<=with )COVID-19\b", "dengue"),
            (_END, " who have had a kidney transplant."),
            (_END, ", except in wheelchair users."),
            (r"\bto every woman\b", "to every veteran"),
            (r"\btroublesome menopausal symptoms\b", "migraine"),
        ],
        fresh=[
            (r"\badults\b", "night porters"),
            (r"\badults\b", "octogenarians"),
            (_END, " on haemodialysis."),
            (_END, " who smoke."),
            (_END, " awaiting surgery."),
            (_END, " under guardianship."),
            (_END, ", except in prisons."),
            (r"(?<=with )COVID-19\b", "measles"),
            (r"\bpatients(?= with)", "recruits"),
            (_END, " whose kidneys have failed."),
        ],
    ),
    *_rules(
        "threshold",
        known=[
            (r"≤ 6 ml/kg", "≤ 8 ml/kg"),
            (r"≤ 30 cm H2O", "≤ 28 cm H2O"),
            (r"< 150 mmHg", "< 200 mmHg"),
            (r"≥ 2 mg/l", "≥ 1.5 mg/l"),
            (r"< 150", "≤ 100"),
            (_END, " above 140/90 mmHg."),
            (_END, " at a ten-year risk of more than 10%."),
        ],
        seen=[
            (_END, " once LDL cholesterol has passed 3.5 mmol/l."),
            (_END, " from an eGFR of 45 ml/min/1.73 m2 downwards."),
            (_END, " at a ferritin beneath 30 micrograms per litre."),
        ],
        held_out=[
            (r"≤ 6 ml/kg", "≤ 10 ml/kg"),
            (r"< 150 mmHg", "< 100 mmHg"),
            (_END, " provided that haemoglobin stays beyond 80 g/l."),
            (_END, " whenever lactate reaches 4 mmol/l."),
            (_END, " where the T-score is -2.5 or worse."),
            (_END, " if BMI tops 40 kg/m2."),
        ],
        fresh=[
            (r"≤ 6 ml/kg", "≤ 7 ml/kg"),
            (r"< 150 mmHg", "< 120 mmHg"),
            (_END, " once HbA1c exceeds 58 mmol/mol."),
            (_END, " as long as oxygen saturation stays at 88% or more."),
            (_END, " unless potassium falls to 3.0 mmol/l."),
            (_END, " from a score of 4 upwards."),
        ],
    ),
    *_rules(
        "implementation",
        known=[
            (r"\blow-dose aspirin\b", "high-dose aspirin"),
            (r"\blowest effective dose\b", "usual dose"),
            (r"\bat least 16 hours\b", "at least 12 hours"),
            (r"\bthe shortest time\b", "five years"),
            (_END, ", 75 mg daily."),
            (_END, " for 12 weeks."),
            (_END, " in primary care."),
        ],
        seen=[
            (_END, " by nebuliser."),
            (_END, " through a nurse at the bedside."),
            (_END, " via webcam."),
            (_END, " every fortnight."),
        ],
        held_out=[
            (_END, " as a syrup."),
            (_END, " under general anaesthesia."),
            (_END, ", spread over three sittings."),
            (_END, " with meals."),
            (_END, " 8 hours apart."),
            (_END, " on alternate days."),
            (r"\bat least 16 hours\b", "at least 20 hours"),
            (r"\bthe shortest time\b", "the whole winter"),
        ],
        fresh=[
            (_END, " by drip."),
            (_END, " as drops."),
            (_END, " over two hours."),
            (_END, " on Mondays."),
            (_END, " with breakfast."),
            (_END, " on an empty stomach."),
            (_END, " under direct observation."),
            (_END, ", using a spacer."),
            (_END, " per rectum."),
            (_END, " in divided portions."),
            (_END, ", 48 hours after admission."),
            (_END, " at the kitchen table."),
        ],
    ),
    *_rules(
        "intensity",
        known=[
            (r"\bWe recommend(?! against)\b", "We suggest"),
            (r"\bWe recommend(?= against)\b", "We suggest"),
            (r"\b[Cc]linicians should\b", "Clinicians could"),
            (r"\bmay be considered\b", "is strongly recommended"),
            (r"\bcan be considered\b", "must be offered"),
            (r"\bshould be\b", "may be"),
            (r"^Offer\b", "Consider"),
            (r"^Consider\b", "Offer"),
        ],
        seen=[
            (r"\bmay be considered\b", "is imperative"),
            (r"\bcan be considered\b", "is warranted"),
            (r"\bshould be consistently performed\b", "is worthwhile"),
            (r"\bWe recommend\b", "We propose"),
            (r"^Offer\b", "Think of"),
            (r"^Consider\b", "Insist on"),
            (r"\bshould\b", "ought to"),
        ],
        held_out=[
            (r"\bWe recommend\b", "We favour"),
            (r"\bshould be\b", "deserves to be"),
            (r"\bmay be considered\b", "is the standard of care"),
            (r"\bcan be considered\b", "is obligatory"),
            (r"^Offer\b", "Mention"),
            (r"\bClinicians should\b", "Clinicians are free to"),
            (r"^Consider\b", "Make sure of"),
        ],
        fresh=[
            (r"\bWe recommend\b", "We endorse"),
            (r"\bshould be\b", "has to be"),
            (r"\bmay be considered\b", "is mandatory"),
            (r"\bcan be considered\b", "is a reasonable choice"),
            (r"^Offer\b", "Insist upon"),
            (r"^Consider\b", "Always arrange"),
            (r"\bClinicians should\b", "Clinicians have to"),
        ],
    ),
    *_rules(
        "modality",
        known=[
            (r"\bshould be\b", "should not be"),
            (r"\bshould not be\b", "should be"),
            (r"\bWe recommend (?!against)", "We recommend against "),
            (r"\bWe recommend against\b", "We recommend"),
            (r"^Offer\b", "Do not offer"),
            (r"^Do not use\b", "Use"),
            (r"\bmay be considered\b", "is not recommended"),
        ],
        seen=[
            (r"\b(?:low-dose )?aspirin\b", "clopidogrel"),
            (r"\b(?:long-term )?hormone therapy\b", "raloxifene"),
            (r"\bcombined estrogen and progestin\b", "tibolone"),
            (r"\ba progestin\b", "acupuncture"),
            (r"\btherapeutic anticoagulation\b", "mechanical thrombectomy"),
            (r"\babdominal positioning\b(?= should)", "nitric oxide"),
            (r"\bNMH or UFH\b", "dabigatran"),
            (r"\bventilating\b", "cooling"),
        ],
        held_out=[
            (r"\b(?:low-dose )?aspirin\b", "rivaroxaban"),
            (r"\bhormone therapy\b", "cognitive behavioural training"),
            (r"\btherapeutic anticoagulation\b", "watchful waiting"),
            (r"\babdominal positioning\b(?= should)", "cough assistance"),
            (r"\bestrogen and progestin\b", "soy isoflavones"),
            (r"\bmay be considered\b", "has no place"),
            (r"^Offer\b", "Refrain from"),
            (r"\bWe recommend(?= low)", "We discourage"),
        ],
        fresh=[
            (r"\b(?:low-dose )?aspirin\b", "ticagrelor"),
            (r"\bhormone therapy\b", "black cohosh"),
            (r"\btherapeutic anticoagulation\b", "compression stockings"),
            (r"\babdominal positioning\b(?= should)", "humming"),
            (r"\bestrogen and progestin\b", "evening primrose"),
            (r"^Offer\b", "Withdraw"),
            (r"\bmay be considered\b", "is futile"),
            (r"\bWe recommend(?= low)", "We warn against"),
        ],
    ),
)
# Another way of saying the same: no kind of change.
STYLE: tuple[tuple[str, str], ...] = (
    (r"\bWe recommend\b", "We  recommend"),
    (r",", " ,"),
    (r"\bof age\b|$", ""),
    (r"\bpatients\b", "people"),
    (r"\bprevention\b", "preventing"),
    (r"\bhemorrhagic\b", "haemorrhagic"),
    (r"\bestrogen\b", "oestrogen"),
)


def perturbed(texts: Sequence[str]) -> Iterator[Perturbed]:
    """Every rule that applies to every text, once."""
    for base, text in enumerate(texts):
        for rule in RULES:
            after = re.sub(rule.pattern, rule.instead, text, count=1)
            if after != text:
                yield Perturbed(base, text, after, rule)


def drift(suite: GuidelineChangesSuite, path: Path, *, clock: Clock) -> Outcome:
    """Scores the classifier beside the most frequent kind; the questions, resampled, are the recommendations.

    A change counts as told when its kind, and no other, is found.
    """
    texts = english(path)
    cases = list(perturbed(texts))
    if not cases:
        raise BadInputError(
            f"No rule fits a recommendation of {path.name}.", where=path.name, expected="recommendations in English"
        )
    start = clock()
    taken = ["+".join(kinds(differences(case.before, case.after))) or "none" for case in cases]
    seconds = clock() - start
    frequent = Counter(case.rule.kind for case in cases).most_common(1)[0][0]
    right = [label == case.rule.kind for case, label in zip(cases, taken, strict=True)]
    same = [(n, text, re.sub(pattern, instead, text, count=1))
            for n, text in enumerate(texts) for pattern, instead in (*STYLE, (r"\Z", ""))]  # fmt: skip
    kept = _sums(len(texts), [(n, not kinds(differences(one, two))) for n, one, two in same])
    systems = (
        Scored("rules", {**_accuracies(cases, right, len(texts)), "unchanged": ratio(*kept)}, len(cases), seconds),
        Scored("most_frequent_kind", _accuracies(cases, [case.rule.kind == frequent for case in cases], len(texts))),
    )
    return Outcome(
        len(texts), systems, details=tuple(_details(cases, taken)), groups=_groups(cases, right),
        warnings=() if suite.data.endswith(path.name) else (
            "the rules were written beside the sample's recommendations; on other ones fewer of them apply",),
        provenance={"changes": len(cases), "most_frequent_kind": frequent},
    )  # fmt: skip


def _accuracies(cases: Sequence[Perturbed], right: Sequence[bool], texts: int) -> dict[str, Statistic]:
    def of(wording: str) -> Statistic:
        chosen = [(c.base, ok) for c, ok in zip(cases, right, strict=True) if wording in ("", c.rule.wording)]
        return ratio(*_sums(texts, chosen))

    return {"accuracy": of(""), **{f"accuracy_{wording}": of(wording) for wording in WORDINGS}}


def _sums(texts: int, results: Iterable[tuple[int, bool]]) -> tuple[list[float], list[float]]:
    """How often it was right, and how often it was tried, for each recommendation."""
    hits, tries = [0.0] * texts, [0.0] * texts
    for place, ok in results:
        hits[place] += ok
        tries[place] += 1
    return hits, tries


def _groups(cases: Sequence[Perturbed], right: Sequence[bool]) -> dict[str, Any]:
    """The share told right of each kind and sort of wording, with Wilson's interval."""
    tallies: dict[str, dict[str, list[bool]]] = {kind: defaultdict(list) for kind in KINDS}
    for case, ok in zip(cases, right, strict=True):
        tallies[case.rule.kind][f"accuracy_{case.rule.wording}"].append(ok)
    return {
        kind: {name: {"value": round(sum(told) / len(told), 6), "ci95": wilson(sum(told), len(told)), "n": len(told)}
               for name, told in sorted(of.items())}
        for kind, of in tallies.items()
    }  # fmt: skip


def _details(cases: Sequence[Perturbed], taken: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What each kind was taken for, then the changes that were not told."""
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for case, label in zip(cases, taken, strict=True):
        confusion[case.rule.kind][label] += 1
    yield {"id": "confusion", **{kind: dict(sorted(confusion[kind].items())) for kind in KINDS}}
    for number, (case, label) in enumerate(zip(cases, taken, strict=True)):
        if label != case.rule.kind:
            yield {"id": str(number), "kind": case.rule.kind, "taken_for": label, "wording": case.rule.wording,
                   "before": case.before, "after": case.after}  # fmt: skip


def english(path: Path) -> list[str]:
    """The recommendations of a guideline file, each in its own words or, where those are not English, its remarks'."""
    found: list[str] = []
    for record in guidelines.found(guidelines.read(path)):
        for text in (record.fields["text"], record.fields.get("remarks", "")):
            if guidelines.direction_of(text) != "neither" and re.search(r"\b(?:the|with|should|and)\b", text):
                found.append(text)
                break
    return list(dict.fromkeys(found))
