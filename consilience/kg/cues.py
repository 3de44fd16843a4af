"""How a sentence says a relation: cue words between two mentions, who is subject, and what they claim.

One rule reads the text between a left and a right mention (other mentions in it are masked as `§`), at times also
the words just before the left one. `head` and `tail` bound the words between a mention and the cue.
"""

# ruff: noqa: E501 - one rule a line: a table, read down its columns

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from consilience.home import fingerprint

Direction = Literal["", "increases", "decreases", "no_difference", "superior", "inferior"]

_W = r"(?:[\w'’§%-]+\W+)"
INTERVENTION = frozenset({"Chemical", "Procedure"})
DISEASE = frozenset({"Disease"})
CHEMICAL = frozenset({"Chemical"})
PROCEDURE = frozenset({"Procedure"})
OUTCOME = frozenset({"Outcome"})
CAUSE = INTERVENTION | DISEASE
END = DISEASE | OUTCOME
_GOES_ON = re.compile(r"\W*(?:and|or|without)\b", re.IGNORECASE)
# Order of the two carries no meaning here: rows are stored with the smaller identifier first.
SYMMETRIC = frozenset({"compared_with", "interacts_with"})
OPPOSITE: dict[Direction, Direction] = {"superior": "inferior", "inferior": "superior"}


@dataclass(frozen=True)
class Rule:
    """One way of saying one predicate; `reverse` when the right mention is the subject."""

    predicate: str
    subjects: frozenset[str]
    objects: frozenset[str]
    cue: str
    confidence: float
    reverse: bool = False
    before: str = ""
    head: int = 3
    tail: int = 4
    direction: Direction = ""
    is_negation: bool = False
    fields: tuple[str, ...] = ("title", "abstract", "text")

    # Compiled when first read: most commands extract nothing.
    @cached_property
    def between(self) -> re.Pattern[str]:
        """What the words between two mentions must hold."""
        return re.compile(self.cue, re.IGNORECASE)

    @cached_property
    def leading(self) -> re.Pattern[str] | None:
        """What the words before the left mention must end with, if anything."""
        return re.compile(rf"\b(?:{self.before})\W+{_W}{{0,4}}$", re.IGNORECASE) if self.before else None

    @property
    def left(self) -> frozenset[str]:
        """Types the left mention may have."""
        return self.objects if self.reverse else self.subjects

    @property
    def right(self) -> frozenset[str]:
        """Types the right mention may have."""
        return self.subjects if self.reverse else self.objects

    def reads(self, before: str, between: str) -> str | None:
        """What stands between the cue and the right mention when the words follow this rule, else None."""
        if self.leading is not None and not self.leading.search(before):
            return None
        for found in self.between.finditer(between):
            if self._joins(between[: found.start()], between[found.end() :]):
                return between[found.end() :]
        return None

    def _joins(self, head: str, tail: str) -> bool:
        """Say whether the cue's own neighbours are the two mentions.

        Another mention after the cue (`§`) is its object; one that begins "and ..." goes on with an earlier subject.
        """
        near = len(head.split()) <= self.head and len(tail.split()) <= self.tail
        return near and "§" not in tail and not _GOES_ON.match(head)


_RISK = (
    r"(?:risks?|incidence|rates?|frequency|occurrence|likelihood|odds|probability|development|prevalence|recurrence)"
)
_LESS = r"(?:reduc(?:es?|ed|ing|tion)|decreas(?:es?|ed|ing)|lower(?:s|ed|ing)?|diminish\w*|less|fewer)"
_LOWERS = r"(?:reduc(?:es?|ed|ing)|decreas(?:es?|ed|ing)|lower(?:s|ed|ing)|diminish(?:es|ed)?)"
_MORE = r"(?:increas(?:es?|ed|ing)|rais(?:es?|ed|ing)|elevat(?:es?|ed|ing)|doubl(?:es?|ed|ing)|higher|greater|more)"
_CARE = r"(?:treatment|management|therapy|therapies|control|relief|alleviation)"
_PEOPLE = r"(?:patients?|children|adults?|adolescents|infants|neonates|women|men|people|persons?|subjects|individuals|participants)"
_NOT_BY = r"\b(?!\s+(?:by|with)\b)"
_EFFECT = r"(?:effects?|actions?|metabolism|clearance|activity|toxicity|responses?|absorption)"

RULES: tuple[Rule, ...] = (
    # causes
    Rule("causes", INTERVENTION, DISEASE, r"^\W{0,2}(?:induced|triggered|provoked|precipitated|elicited)\b(?! by)", 0.8, head=0),
    Rule(
        "causes", CAUSE, DISEASE,
        rf"(?<!-)\b(?:causes?|caused|causing|induc(?:es?|ed|ing)|produc(?:es?|ed|ing)|provok(?:es?|ed|ing)|precipitat(?:es?|ed)"
        rf"|triggers?|triggered|leads? to|led to|results? in|resulted in|evok(?:es?|ed)){_NOT_BY}", 0.7,
    ),
    Rule("causes", CAUSE, DISEASE, r"\b(?:caused|induced|produced|provoked|precipitated|triggered|elicited|evoked) by\b", 0.8, reverse=True),
    Rule("causes", CAUSE, DISEASE, r"\b(?:due|secondary|attributed|attributable|owing) to\b|\bresult(?:s|ed|ing)? from\b", 0.7, reverse=True),
    Rule("causes", CAUSE, DISEASE, r"\b(?:a|an|the|one|major|common|leading|important|main|frequent) causes? of\b", 0.7),
    # has_adverse_event
    Rule(
        "has_adverse_event", INTERVENTION, DISEASE, r"\b(?:includ\w+|such as|were|was|are|is)\b", 0.65,
        before=r"(?:adverse (?:effects?|events?|reactions?)|side[- ]effects?|toxicity)\W+(?:of|from|with|to|during)", head=4,
    ),
    Rule(
        "has_adverse_event", INTERVENTION, DISEASE,
        r"\b(?:adverse|side|toxic|unwanted|undesirable)[ -](?:effects?|events?|reactions?)\W+(?:of|from|with|to)\b", 0.75, reverse=True,
    ),
    Rule(
        "has_adverse_event", INTERVENTION, DISEASE,
        rf"(?<!before and )\b(?:after|following)\W+(?:{_W}{{0,3}}(?:administration|treatment|therapy|use|exposure|infusion|injections?|ingestion|overdose|doses?)"
        rf"(?:\W+(?:of|with|to))?)?\s*$", 0.45, reverse=True, head=3, tail=0,
    ),
    Rule("has_adverse_event", INTERVENTION, DISEASE, r"\b(?:complicat(?:es|ed|ing)|complication of)\b", 0.45, reverse=True, head=2),
    # treats: what was used or studied to treat, the only sense mined text carries
    Rule(
        "treats", INTERVENTION, DISEASE,
        rf"\b(?:treats?|treated|treating|cur(?:es?|ed)|alleviat(?:es?|ed|ing)|ameliorat(?:es?|ed|ing)|reliev(?:es?|ed|ing)"
        rf"|improv(?:es?|ed|ing)|resolv(?:es?|ed)){_NOT_BY}", 0.65,
    ),
    Rule(
        "treats", INTERVENTION, DISEASE,
        rf"\b(?:effective|efficacious|useful|beneficial|successful|benefits?|efficacy|effectiveness|indicated|approved|licensed|used)\b"
        rf"\W+{_W}{{0,4}}?(?:in|for|against|to treat)\b", 0.7, head=5, tail=5,
    ),
    Rule("treats", INTERVENTION, DISEASE, rf"\b(?:for|in)\W+{_W}{{0,3}}?{_CARE}\W+of\b", 0.65, head=4),
    Rule("treats", INTERVENTION, DISEASE, r"\b(?:with|by|using)\b", 0.7, reverse=True, before=rf"{_CARE}\W+(?:of|for)", head=3, tail=3),
    Rule("treats", INTERVENTION, DISEASE, rf"\b(?:treated|managed|controlled)\W+{_W}{{0,2}}?(?:with|by|using)\b", 0.6, reverse=True, head=6),
    Rule("treats", INTERVENTION, DISEASE, r"\b(?:receiv(?:es?|ed|ing)|given|randomi[sz]ed to|assigned to)\b", 0.4, reverse=True),
    Rule("treats", INTERVENTION, DISEASE, rf"\b(?:in|for|among)\W+{_W}{{0,4}}?{_PEOPLE}\W+{_W}{{0,2}}?with\b", 0.45, head=4, tail=3),
    Rule("treats", INTERVENTION, DISEASE, r"^(?:\W+(?:therapy|treatment|monotherapy|tablets?|infusion|surgery))?\W+for\b", 0.55, tail=3, head=0),
    Rule(
        "treats", INTERVENTION, DISEASE,
        rf"\b{_LESS}\W+{_W}{{0,3}}?(?:severity|symptoms?|intensity|progression|duration|scores?)\W+(?:of|in|for)\b", 0.6,
    ),
    # prevents
    Rule("prevents", INTERVENTION, DISEASE, rf"\b(?:prevents?|prevented|preventing){_NOT_BY}|\bprotect(?:s|ed|ive|ion)?\W+{_W}{{0,3}}?(?:against|from)\b", 0.7),
    Rule("prevents", INTERVENTION, DISEASE, rf"\b(?:for|in)\W+{_W}{{0,3}}?(?:prevention|prophylaxis)\W+(?:of|against)\b|\bto prevent\b", 0.65, head=5),
    Rule("prevents", INTERVENTION, DISEASE, r"\b(?:with|by|using)\b", 0.65, reverse=True, before=r"(?:prevention|prophylaxis)\W+of"),
    Rule(
        "prevents", INTERVENTION, DISEASE, rf"\b{_LOWERS}\W+{_W}{{0,4}}?{_RISK}\W+(?:of|for|in)\b", 0.7, direction="decreases", head=5,
    ),
    Rule(
        "prevents", INTERVENTION, DISEASE, rf"\b{_LESS}\W+{_W}{{0,3}}?(?:by|with|in)\b", 0.6, reverse=True,
        before=rf"{_RISK}\W+(?:of|for)", direction="decreases", head=5,
    ),
    # associated_with
    Rule("associated_with", CAUSE, END, r"\b(?:associated|correlat(?:es?|ed)|linked|related)\W+(?:[\w-]+\W+){0,2}?(?:with|to)\b", 0.6, head=6, tail=7),
    Rule("associated_with", INTERVENTION, DISEASE, r"\b(?:associated|linked)\W+(?:[\w-]+\W+){0,2}?(?:with|to)\b", 0.6, reverse=True, head=4, tail=3),
    Rule("associated_with", CAUSE, END, r"\b(?:and|with)\b", 0.5, before=r"(?:associations?|relationships?|links?|correlations?|relation)\W+(?:between|of)", head=3, tail=2),
    Rule("associated_with", CAUSE, END, r"\b(?:risk factors?|predictors?|determinants?)\W+(?:for|of)\b", 0.65, direction="increases", head=6),
    Rule("associated_with", CAUSE, END, rf"\bassociated with\W+{_W}{{0,3}}?{_MORE}\W+{_W}{{0,4}}?{_RISK}\W+(?:of|for)\b", 0.75, direction="increases", head=6),
    Rule("associated_with", CAUSE, END, rf"\bassociated with\W+{_W}{{0,3}}?{_LESS}\W+{_W}{{0,4}}?{_RISK}\W+(?:of|for)\b", 0.75, direction="decreases", head=6),
    Rule("associated_with", CAUSE, END, rf"\b{_MORE}\W+{_W}{{0,4}}?{_RISK}\W+(?:of|for)\b", 0.7, direction="increases", head=6),
    Rule("associated_with", CAUSE, DISEASE, r"^[-– ](?:associated|related)\b", 0.6, head=0, tail=2),
    # affects
    Rule("affects", INTERVENTION, OUTCOME | DISEASE, rf"\b{_LESS}{_NOT_BY}", 0.55, direction="decreases", head=4, tail=3),
    Rule("affects", INTERVENTION, OUTCOME | DISEASE, rf"\b(?:increas(?:es?|ed|ing)|rais(?:es?|ed)|elevat(?:es?|ed)|prolong(?:s|ed)?|exacerbat(?:es?|ed)|worsen(?:s|ed)?){_NOT_BY}", 0.55, direction="increases", head=4, tail=3),
    Rule("affects", INTERVENTION, OUTCOME, rf"\bimprov(?:es?|ed|ing){_NOT_BY}", 0.55, head=4, tail=3),
    Rule(
        "affects", INTERVENTION, END, r"\b(?:no|without)\W+(?:[\w-]+\W+){0,3}?(?:effects?|influence|impact|benefits?)\W+(?:on|in|for)\b",
        0.65, direction="no_difference", is_negation=True, head=4,
    ),
    # interacts_with
    Rule("interacts_with", CHEMICAL, CHEMICAL, r"\binteract(?:s|ed|ing|ions?)?\W+(?:[\w-]+\W+){0,2}?with\b", 0.7),
    Rule("interacts_with", CHEMICAL, CHEMICAL, r"\b(?:and|with)\b", 0.65, before=r"interactions?\W+(?:between|of)", head=2, tail=2),
    Rule(
        "interacts_with", CHEMICAL, CHEMICAL,
        rf"\b(?:potentiat|antagoni[sz]|block|revers|inhibit|enhanc|abolish|attenuat)\w*\W+{_W}{{0,4}}?{_EFFECT}\W+(?:of|to)\b", 0.6,
    ),
    # contraindicated_in
    Rule("contraindicated_in", INTERVENTION, DISEASE, r"\bcontra-?indicat(?:ed|ions?)\W+(?:[\w-]+\W+){0,3}?(?:in|for|with)\b", 0.75, tail=5, head=5),
    Rule(
        "contraindicated_in", INTERVENTION, DISEASE,
        r"\b(?:should|must)\W+(?:not be (?:used|given|prescribed|administered)|be avoided)\W+(?:[\w-]+\W+){0,3}?(?:in|for|with)\b", 0.78, tail=5, is_negation=True,
    ),
    # diagnoses
    Rule("diagnoses", PROCEDURE | CHEMICAL, DISEASE, rf"\b(?:for|in)\W+{_W}{{0,3}}?(?:diagnosis|detection|screening|diagnosing|detecting)\W+(?:of|for)?\b", 0.74, head=5),
    Rule("diagnoses", PROCEDURE, DISEASE, r"\b(?:diagnos(?:es?|ed|ing)|detect(?:s|ed|ing)?)\b", 0.55),
    Rule("diagnoses", PROCEDURE, DISEASE, r"\b(?:diagnosed|detected|confirmed|screened)\W+(?:[\w-]+\W+){0,3}?(?:by|with|using)\b", 0.6, reverse=True),
    Rule("diagnoses", PROCEDURE, DISEASE, r"\b(?:with|by|using)\b", 0.65, reverse=True, before=r"(?:diagnosis|detection)\W+of"),
    # biomarker_for
    Rule("biomarker_for", CHEMICAL, END, r"\b(?:bio)?markers?\W+(?:[\w-]+\W+){0,3}?(?:of|for|in)\b", 0.65, head=6),
    Rule("biomarker_for", CHEMICAL, END, r"\b(?:levels?|concentrations?)\b.{0,40}\bpredict(?:s|ed|or|ors|ive)?\b(?:\W+(?:of|for))?", 0.6, head=3),
    # compared_with
    Rule("compared_with", INTERVENTION, INTERVENTION, r"\b(?<!non)(?<!non-)superior to\b|\bbetter\W+(?:[\w-]+\W+){0,4}?than\b|\bmore (?:effective|efficacious|beneficial)\W+(?:[\w-]+\W+){0,4}?than\b", 0.65, direction="superior", head=6, tail=3),
    Rule("compared_with", INTERVENTION, INTERVENTION, r"\b(?<!non)(?<!non-)inferior to\b|\bworse than\b|\bless (?:effective|efficacious|beneficial)\W+(?:[\w-]+\W+){0,4}?than\b", 0.65, direction="inferior", head=6, tail=3),
    Rule(
        "compared_with", INTERVENTION, INTERVENTION,
        r"\bnon-?inferior to\b|\bas (?:effective|efficacious|safe|good|well|potent) as\b|\bequivalent to\b|\bcomparable (?:to|with)\b|\bsimilar to\b"
        r"|\bdid not differ\W+(?:[\w-]+\W+){0,3}?from\b|\bequally effective\b|\bno more effective than\b|\bnot superior to\b",
        0.6, direction="no_difference", is_negation=True, head=6, tail=3,
    ),
    Rule(
        "compared_with", INTERVENTION, INTERVENTION, r"\b(?:and|versus|vs|or)\b", 0.6,
        before=r"(?:no|not)\b[^.;]{0,60}\bdiffer\w*\b[^.;]{0,60}\b(?:between|among)", direction="no_difference", is_negation=True, head=2, tail=2,
    ),
    Rule("compared_with", INTERVENTION, INTERVENTION, r"\b(?:compared (?:with|to)|versus|vs)\b", 0.5, head=2, tail=2),
    # recommends: guideline text only; the issuer is the document
    Rule("recommends", INTERVENTION, DISEASE, r"\b(?:for|in|to|as|is|are|should)\b", 0.7, before=r"(?:recommend\w*|suggest\w*|offer|consider|advise\w*|prescribe|use|give|against)", head=8, tail=10, fields=("text",)),
    Rule("recommends", INTERVENTION, DISEASE, r"\b(?:recommended|suggested|offered|considered|should be|is indicated|are indicated)\b", 0.7, head=4, tail=12, fields=("text",)),
    Rule("recommends", INTERVENTION, DISEASE, r"\b(?:recommend\w*|suggest\w*|offer\w*|consider\w*|advise\w*|prescribe|should|use)\b", 0.65, reverse=True, head=8, tail=8, fields=("text",)),
)  # fmt: skip

# A sentence without any of these is not searched further.
ANY_CUE = re.compile(
    r"induc|caus|produc|provok|precipitat|trigger|elicit|evok|lead|led |result|due to|secondary to|attribut|owing to|"
    r"adverse|side.effect|toxic|after|following|complicat|treat|cur(?:es?|ed)\b|alleviat|ameliorat|reliev|improv|resolv|"
    r"effective|efficac|useful|benefi|successful|indicat|approved|licensed|used|management|therap|control|relief|managed|"
    r"receiv|given|assigned|randomi|with\b|\bfor\b|reduc|decreas|lower|diminish|less|fewer|prevent|protect|prophyla|"
    r"associat|correlat|link|relat|risk|predict|determinant|increas|rais|elevat|doubl|higher|greater|prolong|worse|"
    r"exacerbat|influence|impact|effect|interact|potentiat|antagoni|block|revers|inhibit|enhanc|abolish|attenuat|"
    r"should|must|diagnos|detect|screen|confirm|marker|superior|better|more|inferior|equivalent|comparable|similar|as |"
    r"differ|versus|vs\b|compar|recommend|suggest|offer|consider|advise",
    re.IGNORECASE,
)
# Undone by what follows the cue: "produced a reduction in pain" causes no pain.
UNDOES = re.compile(
    r"\b(?:reduction|reduced|decreases?|decreased|improvements?|improved|fall|relief|remission|regression|resolution|"
    r"inhibition|suppression|attenuation|recovery|reversal|prevention|protection|treatment|management|lower)\b",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"\b(?:no|not|never|neither|nor|without|cannot|can't|don't|didn't|doesn't|wasn't|isn't|fail(?:s|ed|ure)? to|"
    r"lack(?:s|ed)?|absence of|unlikely|ineffective|unable to|non-?significant(?:ly)?)\b(?! only\b)",
    re.IGNORECASE,
)
NEGATED_BEFORE = re.compile(
    r"\bno\W+(?:[\w-]+\W+){0,3}?(?:evidence|association|relationship|correlation|link|effects?|benefits?|increase|reduction|"
    r"interactions?|advantage)\b[^,;]*$|\b(?:not|neither|nor|against|without)\W+(?:[\w-]+\W+){0,2}$|\bfailed to\b[^,;]*$",
    re.IGNORECASE,
)
# Not past a comma: there another statement begins.
NEGATED_AFTER = re.compile(
    r"^\s+(?:[\w-]+\s+){0,5}?(?:(?:is|was|were|are|did|does|do|has|have|had|could|should)\s+(?:[\w-]+\s+)?"
    r"(?:not?|never)\b(?! only\b)|failed\b|ineffective\b)",
    re.IGNORECASE,
)
# A clause that begins between the two mentions is another statement.
CLAUSE = re.compile(
    r";|\b(?:whereas|while|although|but|however|because|despite|unlike|except|whose)\b|\.\s", re.IGNORECASE
)
# "A given with B was superior": B is not what was compared.
ADJUNCT = re.compile(r"\b(?:with|plus|without)\W+(?:[\w-]+\W+){0,2}$", re.IGNORECASE)
# "with or without hypertension" denies nothing.
EITHER_WAY = re.compile(r"\bwith(?:\W+(?:and|or))+\W+without\b", re.IGNORECASE)
HEDGED = re.compile(
    r"\b(?:may|might|could|can|possibl[ye]|potential(?:ly)?|suggest\w*|appear\w*|seem\w*|likely|probabl[ye]|presum\w+|"
    r"perhaps|suspected|putative|proposed|if)\b",
    re.IGNORECASE,
)
# What is asked, planned or unknown is no claim.
NOT_ASSERTED = re.compile(
    r"\bto (?:determine|assess|evaluate|investigate|examine|test|study|explore|compare|establish|identify|clarify|ascertain|"
    r"review|describe|report)\b|\bwhether\b|\baims?\b|\baimed\b|\bobjectives?\b|\bpurpose\b|\bhypothes[ie]\w*\b|\bdesigned to\b|"
    r"\bwe (?:investigate|examine|evaluate|studie|teste|compare|assesse|sought|searche|review|undertook|conducte|set out)d?\b|"
    r"\b(?:was|were) (?:investigated|examined|evaluated|studied|assessed|undertaken|conducted|performed|reviewed|compared)\b|"
    r"\b(?:needs?|remains?|should) to be\b|\bfurther (?:research|stud\w+|trials?|investigation)\b|"
    r"\bremains? (?:unclear|unknown|controversial|uncertain)\b|\blittle is known\b|\b(?:are|is) needed\b|\bnot been (?:\w+ )?(?:reported|studied|investigated|evaluated|established)\b|\b(?:is|are) (?:unclear|unknown)\b|\?",
    re.IGNORECASE,
)
INCREASE = re.compile(r"\b(?:increas\w+|higher|greater|elevated|raised|more|positively|worse)\b", re.IGNORECASE)
DECREASE = re.compile(
    r"\b(?:reduc\w+|decreas\w+|lower\w*|fewer|less|inversely|negatively|improved|better)\b", re.IGNORECASE
)

VERSION = fingerprint(
    [
        [[r.predicate, sorted(r.subjects), sorted(r.objects), r.cue, r.confidence, r.reverse, r.before, r.head, r.tail, r.direction,
          r.is_negation, r.fields] for r in RULES],
        [p.pattern for p in (ANY_CUE, UNDOES, NEGATED, NEGATED_BEFORE, NEGATED_AFTER, CLAUSE, ADJUNCT, EITHER_WAY, HEDGED, NOT_ASSERTED, INCREASE, DECREASE)],
    ]
)  # fmt: skip
