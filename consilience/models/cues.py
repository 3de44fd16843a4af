"""What a sentence says about direction, worth, difference and certainty: cue classes, negation scoped, no topic words.

Shared by the entailment features and by the checks of verification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from consilience.text import sentences

# A word's parts stand alone ("non-inferior" is "non inferior"); numbers keep their decimals and thousands.
_TOKEN = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*|[,;:.()<>=≤≥]|\.\d+")
_P_VALUE = re.compile(r"\bp(?:[ -]?values?)?\s*(?:was|were|of)?\s*([<>=≤≥])\s*(0?\.\d+)")
_CONTRACTED_NOT = re.compile(r"n['’]t\b")

_STOP = frozenset(
    "a an the of in on at to for from by with and or as is are was were be been being it its this that these those "
    "their they we our i he she his her them there which who whom whose what when where how why do does did doing done "
    "has have had having can could may might will would shall should must if than then so such into over under between "
    "among during after before about both each all any some other more most very also only own same too just up down "
    "out off again further once here s t re ve ll m d via per vs versus using used use based et al study studies "
    "result results conclusion conclusions background objective methods method aim purpose patient patients group "
    "groups compared comparison relative terms not no nor".split()
)

_WORDS = {
    "up": "increase increasing higher high greater raise elevate elevation rise rising rose enhance augment gain grow "
    "grew upregulate longer larger more promote induce induction activate activation stimulate stimulation exceed "
    "accelerate amplify boost strengthen potentiate expand trigger facilitate drive additional exacerbate prolong",
    "down": "decrease decreasing reduce reduction lower low lesser fewer less decline diminish suppress suppression "
    "inhibit inhibition inhibitor attenuate attenuation drop fall fell shorter smaller prevent prevention downregulate "
    "block deplete depletion minimize minimise abrogate abolish restrict lessen slow delay weaken limit impair "
    "impairment deficient deficiency absence loss mitigate alleviate shorten eliminate cut avoid repress",
    "good": "improve improvement benefit beneficial effective effectiveness effectively efficacy efficacious superior "
    "better best protect protective protection safe safely success successful successfully useful usefulness feasible "
    "valid reliable adequate favorable favourable favor favour helpful recommend accurate accurately appropriate "
    "tolerate advantage advantageous relief relieve good excellent valuable cure heal ameliorate treat therapeutic "
    "optimal promising acceptable sufficient suitable justify yes",
    "bad": "worsen worse worst harm harmful inferior ineffective poor poorly detrimental detriment fail failure "
    "unsafe useless unreliable inadequate disadvantage unfavorable unfavourable inaccurate inappropriate "
    "insufficient disappointing disappoint unnecessary toxic deleterious unsuccessful compromise deteriorate "
    "deterioration negligible questionable",
    "relation": "associate association correlate correlation predict predictor predictive relate relation "
    "relationship link cause causal affect effects effect influence impact depend determine determinant "
    "contribute require lead responsible involve mediate modulate differ difference different change alter role "
    "interact produce respond",
    "equal": "similar similarly comparable comparably equivalent equivalence equal identical unchanged "
    "unaffected noninferior indistinguishable parity unaltered",
    "significant": "significant significantly markedly substantially substantial dramatically strongly strong clearly "
    "considerably confirm demonstrate",
    "hedge": "may might could possibly possible perhaps potentially potential probably suggest appear seem likely",
    "unclear": "unclear inconclusive uncertain unknown controversial caution cautious preliminary limited limitation "
    "debatable whether conflicting depends further warrant needed future require insufficient questionable",
    "contrast": "but however although whereas despite nevertheless though while unlike except yet contrary instead",
    "negation": "not no nor neither never without cannot none non fail failed lack lacking absence unable unlikely "
    "hardly independent independently nonsignificant nonsignificantly insignificant insignificantly little rarely",
    "harm": "risk mortality death incidence complication infection recurrence symptom pain injury disease morbidity "
    "hospitalization hospitalisation relapse burden severity error bleeding failure cancer tumor tumour stroke "
    "fracture toxicity fatigue anxiety depression nausea hypertension obesity readmission progression damage",
}  # fmt: skip

_ANTONYMS = (
    "acute chronic; activate inhibit; gain loss; high low; early late; male female; men women; positive negative; "
    "benign malignant; sensitive resistant; necessary unnecessary; necessary dispensable; young old; upper lower; "
    "short long; primary secondary; presence absence; dependent independent; effective ineffective; rich poor; "
    "promote suppress; promote prevent; induce inhibit; induce suppress; increase decrease; increase reduce; "
    "higher lower; more less; improve worsen; superior inferior; activation suppression; enhance impair; "
    "upregulate downregulate; hyperactive hypoactive; agonist antagonist; gain deficiency; protect harm; safe unsafe; "
    "longer shorter; larger smaller; better worse; hypertension hypotension; expand deplete; homozygous heterozygous; "
    "common rare; strong weak; fast slow; before after; maternal paternal; symmetric asymmetric; "
    "sufficient insufficient"
)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A light stem, enough to join inflections: `associations`, `associated` -> `associ`."""
    if len(word) < 4 or not word.isalpha():
        return word
    for ending, put in (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", "")):
        if word.endswith(ending):
            word = word[: -len(ending)] + put
            break
    for ending in ("ingly", "edly", "ively", "fully", "ally", "ing", "ed", "ion", "ive", "ly", "ment", "or", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    for ending, put in (("uct", "uc"), ("iat", "i"), ("at", ""), ("i", "y"), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + put
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sl" else word


def _lexicon(words: dict[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for kind, listed in words.items():
        for word in listed.split():
            found.setdefault(stem(word), set()).add(kind)
    # The full form decides where it is listed: `effective` is good, `effect` a relation, one stem.
    for listed in words.values():
        for word in listed.split():
            if word != stem(word):
                found[word] = {other for other, those in words.items() if word in those.split()}
    return {word: frozenset(kinds) for word, kinds in found.items()}


def _opposites(listed: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in listed.split(";"):
        one, two = (stem(word) for word in pair.split())
        found.setdefault(one, set()).add(two)
        found.setdefault(two, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


CUES = _lexicon(_WORDS)
OPPOSITES = _opposites(_ANTONYMS)
_POLAR = frozenset({"up", "down", "good", "bad", "relation", "significant", "equal"})
# A negation reaches this many words on, or to the end of its clause.
_REACH = 7
# A cue of direction bears on words at most this far after it, or half as far before it.
_NEAR = 7
_CLAUSE_END = frozenset(",;:.")
# An abstract is a few thousand characters; more is cut, so that one hostile text cannot hold up the rest.
_MAX_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Sentence:
    """The cues of one sentence: a class, `not-` before it when a negation reaches it; and its content words, stemmed.

    `signs` says of a content word whether the cue of direction nearest to it in its clause is up (+1) or down (-1), as
    in `reduces mortality`; a negated cue gives none; `denied` are the content words that a negation reaches.
    """

    cues: frozenset[str]
    content: frozenset[str]
    order: tuple[str, ...]
    stems: frozenset[str]
    numbers: frozenset[str]
    signs: Mapping[str, int]
    denied: frozenset[str]

    @property
    def direction(self) -> int:
        """+1 when it says up, -1 down, 0 neither or both; a negated cue does not count."""
        return ("up" in self.cues) - ("down" in self.cues)

    @property
    def negated(self) -> bool:
        """Whether a cue of direction, worth, relation or significance is negated in it."""
        return any(cue.startswith("not-") for cue in self.cues) or "null" in self.cues


@dataclass(frozen=True, slots=True)
class Reading:
    """A text read sentence by sentence, and whether it asks."""

    sentences: tuple[Sentence, ...]
    question: bool

    @property
    def whole(self) -> Sentence:
        """All its sentences as one."""
        return merged(self.sentences)


def merged(found: Iterable[Sentence]) -> Sentence:
    """Several sentences as one, cues and words together."""
    parts = tuple(found)
    return Sentence(
        frozenset[str]().union(*(part.cues for part in parts)),
        frozenset[str]().union(*(part.content for part in parts)),
        tuple(word for part in parts for word in part.order),
        frozenset[str]().union(*(part.stems for part in parts)),
        frozenset[str]().union(*(part.numbers for part in parts)),
        {word: sign for part in parts for word, sign in part.signs.items()},
        frozenset[str]().union(*(part.denied for part in parts)),
    )


def read(text: str) -> Reading:
    """The cues of each sentence of `text`: `"It did not improve."` -> `not-good`."""
    text = text[:_MAX_CHARACTERS]
    found = tuple(_read_sentence(text[start:end].lower()) for start, end in sentences(text))
    return Reading(found, "?" in text)


def _read_sentence(text: str) -> Sentence:
    cues: set[str] = set()
    order: list[str] = []
    stems: set[str] = set()
    numbers: set[str] = set()
    signs: dict[str, int] = {}
    denied: set[str] = set()
    clause: list[tuple[int, str]] = []
    moves: list[tuple[int, int]] = []
    reach = 0
    for position, token in enumerate(_TOKEN.findall(_CONTRACTED_NOT.sub(" not", text))):
        if not token.isalpha():
            if token in _CLAUSE_END:
                _attach(clause, moves, signs)
                clause, moves, reach = [], [], 0
            elif token[-1].isdigit():
                numbers.add(token.replace(",", ""))
            continue
        root = stem(token)
        stems.add(root)
        kinds = CUES.get(token) or CUES.get(root, _NONE)
        if "contrast" in kinds:
            _attach(clause, moves, signs)
            clause, moves, reach = [], [], 0
        if "negation" in kinds:
            reach = _REACH + 1
        negated = reach > 0 and "negation" not in kinds
        for kind in kinds:
            cues.add(f"not-{kind}" if negated and kind in _POLAR else kind)
        if not negated and ("up" in kinds or "down" in kinds):
            moves.append((position, 1 if "up" in kinds else -1))
        if token not in _STOP and (not kinds or kinds == _HARM):
            order.append(root)
            clause.append((position, root))
            if negated:
                denied.add(root)
        reach = max(0, reach - 1)
    _attach(clause, moves, signs)
    cues.update(_difference(text))
    return Sentence(
        frozenset(cues), frozenset(order), tuple(order), frozenset(stems), frozenset(numbers), signs, frozenset(denied)
    )


def _attach(clause: list[tuple[int, str]], moves: list[tuple[int, int]], signs: dict[str, int]) -> None:
    """Give each content word of a clause the sign of the nearest cue of direction; one before it counts as nearer."""
    for position, word in clause if moves else ():
        gap, sign = min((position - at if at < position else 2 * (at - position) + 1, sign) for at, sign in moves)
        if gap <= _NEAR:
            signs[word] = sign


_NONE: frozenset[str] = frozenset()
_HARM = frozenset({"harm"})
_NULL = re.compile(
    r"\bn\.?s\.?(?=[),;])|non-?significant|insignificant|statistically similar|not (?:be )?(?:statistically )?differ"
    r"|no (?:\w+ ){0,3}(?:difference|effect|association|relation\w*|evidence|correlation|benefit|improvement|change"
    r"|advantage|impact|influence|support|role)\b|not (?:\w+ ){0,2}significant"
    r"|did not (?:\w+ )?(?:differ|affect|change)"
)


def _difference(text: str) -> set[str]:
    """`null` when it says that nothing differed, `p-low` and `p-high` from the p-values it gives."""
    found = {"null"} if _NULL.search(text) else set()
    for sign, value in _P_VALUE.findall(text):
        low = float(value) <= 0.05 and sign not in (">", "≥")
        found.add("p-low" if low else "p-high")
    return found
