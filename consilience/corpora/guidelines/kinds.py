"""What kind of change turns one wording of a recommendation into another.

Five kinds, after DriftMedQA (arXiv 2505.07968): clinical context (whom it is for), threshold (from which value on),
implementation (dose, route, rhythm, place, time), intensity (how strongly) and modality (what, or whether at all).
Two texts are compared word by word; every difference is classified by what it holds (numbers with their units, words
of people, of doses, of places) and, where its words say nothing, by the part of the sentence it stands in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from consilience.corpora.guidelines.grades import direction_of

Kind = Literal["clinical_context", "threshold", "implementation", "intensity", "modality"]
KINDS: tuple[Kind, ...] = ("clinical_context", "threshold", "implementation", "intensity", "modality")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign of a text, with its place and the form in which it is compared.

    `opens` says that it begins a clause: nothing, a comma or a bracket stands before it.
    """

    start: int
    end: int
    word: str
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of two texts: the words before and after (offsets, half-open; empty where there are none).

    `kind` is None for another way of saying the same.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    kind: Kind | None


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# A minus before a number is a word of its own; a dash between two numbers, or before a blank, is punctuation.
_TOKEN = re.compile(r"(?<![\w%)\]])[-−](?=\d)|\d+(?:[.,]\d+)*|[^\W\d_]\w*(?:['’-]\w+)*|[≤≥<>=%°/+]")
_FUNCTION = _set(
    """a an the of and or to be is are was were been being that this these those it its as by on at from such also all
    any every each their his her we our you your which has have had do does did than"""
)
_NUMERALS = {w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten".split())}
# The same in other words: a difference between two of one group is a matter of style.
_SAME = {
    word: group[0]
    for group in (
        ("person", "people", "persons", "individual", "individuals", "patient", "patients"),
        ("treat", "treatment", "treating", "treated"),
        ("use", "using", "used"),
        ("give", "giving", "given", "administer", "administering", "administered"),
        ("reduce", "reduction", "reducing", "decrease"),
        ("drug", "medicine", "medication"),
        ("begin", "start", "initiate", "initiating", "starting", "commence"),
        ("prevent", "prevention", "preventing"),
        ("manage", "management", "managing"),
        ("ug", "µg", "μg", "mcg", "microgram", "micrograms"),
    )
    for word in group
}
_SPELLING = ((r"ae(?=[mtsd])", "e"), (r"oe(?=[dsm])", "e"), (r"isation$", "ization"), (r"is(e|ed|ing)$", r"iz\1"),
             (r"our$", "or"), (r"tre$", "ter"))  # fmt: skip

_DIRECTIVE = re.compile(
    r"^(?:should|must|shall|may|might|can|could|need|consider\w*|offer\w*|recommend\w*|suggest\w*|advis\w*|strong\w*"
    r"|weak\w*|conditional\w*|urge\w*|require\w*|option\w*|discretion\w*|routinely)$"
)
_NEUTRAL = re.compile(
    r"^(?:use|give|receiv\w*|provid\w*|perform\w*|prescrib\w*|carr\w+|out|if|necessary|always|\w+ly)$"
)
_NEGATION = _set("not no never against avoid avoided avoiding contraindicated cannot neither nor stop withhold")
_PEOPLE = _set(
    """person adult child woman man infant neonate newborn adolescent boy girl elderly male female pregnant pregnancy
    breastfeeding postmenopausal premenopausal menopausal population carrier smoker survivor inpatient mother family"""
)
_CONDITION = re.compile(
    r"^(?:\w*(?:itis|osis|emia|uria|pathy|plegia|oma|cancer|disease|syndrome|disorder|failure|infection|deficiency"
    r"|impairment|injury)|risk|severe|severity|mild|moderate|acute|chronic|recurrent|symptom\w*|diagnos\w*|history"
    r"|allerg\w*|contraindication|comorbid\w*|hypertension|diabet\w*|stroke|obes\w*|frail\w*|high-risk|low-risk)$"
)
_ROUTES = _set(
    """oral orally intravenous intravenously iv subcutaneous subcutaneously intramuscular intramuscularly topical
    topically inhaled nasal rectal transdermal sublingual injection infusion bolus tablet patch"""
)
_PLACES = _set(
    """hospital clinic community home ward icu intensive primary secondary care setting specialist outpatient
    ambulatory emergency department centre center telehealth supervised"""
)
_RHYTHM = _set(
    """daily weekly monthly yearly annually once twice thrice hourly dose low-dose high-dose dosing dosage titrate
    frequency interval continuous continuously intermittent intermittently immediately early late morning evening
    overnight duration lifelong before after within during until first-line second-line time"""
)
_COMPARATORS = _set(
    "≤ ≥ < > = - above below over under exceed exceeding exceeds least most more less greater fewer higher"
)
_SIGNS = _set("≤ ≥ < > = -")
_UNIT = re.compile(
    r"^(?:[munpk]?mol|[munµμ]?g|kg|mcg|ng|pg|iu|ie|u|unit|[mcd]?l|mm?hg|kpa|[cm]?m|m2|meq|mosm|bpm|%|°|/|min|minute|h|hr"
    r"|hour|d|day|wk|week|month|yr|year|drop|puff|tablet|capsule|sachet)$"
)
_JOINING = frozenset((frozenset(("and",)), frozenset(("or",))))
_WHEN = _set("at by on from to")
_DOSES = re.compile(r"^(?:mg|g|mcg|µg|μg|ug|ng|iu|ie|u|unit|ml|cl|l|drop|puff|tablet|capsule|dose|sachet)$")
_PER_DOSE = re.compile(r"^(?:kg|d|day|h|hour|min|dose|week)$")
_CLEARANCE = ("ml", "min")  # of creatinine: no dose, though made of the same units
_TIMES = re.compile(r"^(?:time|daily|day|d|week|wk|hour|h|hr|minute|min|month|weekly|monthly|cycle|session|course)$")
_YEARS = _set("year yr")
_AGES = _set("age aged old older younger")
_LASTING = _set("for every within after over during first next last until")
_CONTEXT_CUES = _set("in among amongst with who whom whose having without aged if when where unless for despite")
_ACTS = re.compile(
    r"^(?:use|offer\w*|give|recommend\w*|suggest\w*|consider\w*|prescrib\w*|receiv\w*|treat|begin|add|perform\w*"
    r"|provid\w*|discuss\w*|switch\w*|continu\w*|against|avoid\w*|ventilat\w*|combin\w*|not|do|may|should|must|can"
    r"|prefer\w*|plus|alternativ\w*|prophylaxis|therapy)$"
)
# What opens an added phrase of manner or time; English has few such words, and "with" and "in" are not among them.
_MANNER = _set("as by per via using over under on at through throughout during every each from until upon")
_DOING_CUES = _set("at every within before after via through during once twice until by")


def tokens(text: str) -> list[Token]:
    """The words, numbers and signs of a text; case, punctuation and white space are no part of them."""
    found: list[Token] = []
    end = 0
    for each in _TOKEN.finditer(text):
        gap = text[end : each.start()]
        found.append(
            Token(each.start(), each.end(), _form(each[0]), not found or any(sign in gap for sign in ",;:()."))
        )
        end = each.end()
    return found


def _form(raw: str) -> str:
    word = raw.lower().replace("’", "'")
    if word == "−":
        return "-"
    if word[0].isdigit():
        return re.sub(r",(?=\d{3}(?:\D|$))", "", word)
    return word


def telling(words: Sequence[Token]) -> Counter[str]:
    """How often each word stands in a text, small words left out, each in its plain form."""
    return Counter(_plain(t.word) for t in words if t.word not in _FUNCTION)


def similarity(before: Counter[str], after: Counter[str]) -> float:
    """The share of `telling` words two texts have in common, whatever their order: 0 to 1."""
    return 2 * (before & after).total() / max(1, before.total() + after.total())


def differences(before: str, after: str) -> list[Difference]:
    """What differs between two texts, in order, each with its kind; none for texts of the same words."""
    old, new = tokens(before), tokens(after)
    turned = {direction_of(before), direction_of(after)} == {"for", "against"}
    found: list[Difference] = []
    for (i, j), (k, m) in _edits(old, new):
        kind = _kind(_Edit(old, i, j), _Edit(new, k, m), turned=turned)
        found.append(Difference(_span(old, i, j), _span(new, k, m), kind))
    return found


def kinds(found: Sequence[Difference]) -> tuple[Kind, ...]:
    """The kinds among some differences, in the order of `KINDS`."""
    return tuple(kind for kind in KINDS if any(each.kind == kind for each in found))


def _span(words: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    return (words[first].start, words[last - 1].end) if first < last else (0, 0)


def _edits(old: Sequence[Token], new: Sequence[Token]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Runs of words that differ; two runs with only small words between them are one."""
    matcher = SequenceMatcher(None, [t.word for t in old], [t.word for t in new], autojunk=False)
    merged: list[list[int]] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            continue
        between = old[merged[-1][1] : i] if merged else []
        if merged and len(between) <= 2 and all(t.word in _FUNCTION for t in between):
            merged[-1][1], merged[-1][3] = j, m
        else:
            merged.append([i, j, k, m])
    yield from (((i, j), (k, m)) for i, j, k, m in merged)


# --- kinds


@dataclass(frozen=True, slots=True)
class _Edit:
    """One side of a difference: the words from `first` to `last` of a text."""

    words: Sequence[Token]
    first: int
    last: int

    @property
    def content(self) -> list[str]:
        """What is said in it, small words left out, each in its plain form."""
        return [_plain(t.word) for t in self.words[self.first : self.last] if t.word not in _FUNCTION]

    @property
    def numbers(self) -> list[int]:
        """Where its numbers stand."""
        return [n for n in range(self.first, self.last) if self.words[n].word[0].isdigit()]


def _plain(word: str) -> str:
    """A word without plural, spelling variants and synonyms."""
    if word in _SAME:
        return _SAME[word]
    for pattern, instead in _SPELLING:
        word = re.sub(pattern, instead, word)
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ous")):
        word = word[:-1]
    word = {"women": "woman", "men": "man", "children": "child"}.get(word, word)
    return _SAME.get(word, _NUMERALS.get(word, word))


def _kind(before: _Edit, after: _Edit, *, turned: bool) -> Kind | None:
    said, says = before.content, after.content
    if said == says:
        return _of_small_words(before, after)
    changed = {*said, *says}
    if (turned and changed & _NEGATION) or bool(set(said) & _NEGATION) != bool(set(says) & _NEGATION):
        return "modality"
    if _is_intensity(said, says):
        return "intensity"
    sides = [side for side in (after, before) if side.last > side.first]
    if [before.words[n].word for n in before.numbers] != [after.words[n].word for n in after.numbers]:
        return next((kind for side in sides for n in side.numbers if (kind := _of_number(side.words, n))), "threshold")
    if all(_UNIT.match(word) or word in _COMPARATORS or word in _AGES for word in changed):
        for side in sides:
            if measured := _of_measure(side):
                return measured
    # What both sides say is not what changed.
    old, new = set(said) - set(says), set(says) - set(said)
    if any(map(_unknown, old)) and any(map(_unknown, new)):
        # A thing took the place of a thing; what came along with either ("low-dose") is not the point.
        return _of_place(sides[0], added=False)
    words = old | new
    if not any(_numbered(side) for side in sides):
        words -= _COMPARATORS  # "under anaesthesia" is no threshold
    return _of_words(words) or _of_place(sides[0], added=len(sides) == 1)


def _of_small_words(before: _Edit, after: _Edit) -> Kind | None:
    """ "A or B" is not "A and B", and "by day 3" not "on day 3"; other small words say the same."""
    old, new = (frozenset(t.word for t in side.words[side.first : side.last]) for side in (before, after))
    if {old & {"and", "or"}, new & {"and", "or"}} == _JOINING:
        return "modality"
    ahead = range(after.last, min(after.last + 2, len(after.words)))
    number = next((n for n in ahead if after.words[n].word[0].isdigit()), None)
    return _of_number(after.words, number) if number is not None and old and new and old | new <= _WHEN else None


def _of_measure(side: _Edit) -> Kind | None:
    """The kind of the number whose unit or comparison was changed: the next one behind it, or the last before."""
    behind = range(side.last, min(side.last + 2, len(side.words)))
    places = (*behind, *range(side.first - 1, max(side.first - 6, -1), -1))
    number = next((n for n in places if side.words[n].word[0].isdigit()), None)
    return None if number is None else _of_number(side.words, number)


def _numbered(side: _Edit) -> bool:
    """Whether a number stands in the words or right behind them."""
    return any(t.word[0].isdigit() for t in side.words[side.first : side.last + 2])


def _unknown(word: str) -> bool:
    """Whether a word is a name of something that no list holds."""
    said = word[0].isdigit() or word in _CONTEXT_CUES or word in _DOING_CUES or bool(_DIRECTIVE.match(word))
    return not said and _of_words({word}) is None


def _is_intensity(said: Sequence[str], says: Sequence[str]) -> bool:
    """Whether words of obligation changed: on both sides nothing else, or on one what took their place.

    "Is warranted" for "should be given" is known by the place, not by the words.
    """
    directive = [[bool(_DIRECTIVE.match(word)) for word in side] for side in (said, says)]
    plain = [all(d or bool(_NEUTRAL.match(word)) for d, word in zip(flags, side, strict=True))
             for flags, side in zip(directive, (said, says), strict=True)]  # fmt: skip
    if not any(map(any, directive)):
        return False
    if all(plain):
        return True
    other = says if plain[0] and any(directive[0]) else said if plain[1] and any(directive[1]) else ()
    return 0 < len(other) <= 4 and bool(said) and bool(says) and not any(_telling(word) for word in other)


def _telling(word: str) -> bool:
    return word[0].isdigit() or _of_words({word}) is not None


def _of_number(words: Sequence[Token], place: int) -> Kind:
    """What a number counts: years of age, a measured value, a dose, or time."""
    right = [_plain(t.word) for t in words[place + 1 : place + 8]]
    left = [_plain(t.word) for t in words[max(0, place - 4) : place]][::-1]
    while right and (right[0][0].isdigit() or right[0] in ("to", "and", "or", "-")):
        right = right[1:]
    unit, per = (right[0] if right else ""), (right[2] if right[1:2] in (["/"], ["per"]) and len(right) > 2 else "")
    aged = bool(_AGES & {*left[:3], *right[1:4]})
    if set(left[:2]) & {"age", "aged"} and unit in _COMPARATORS:
        return "clinical_context"  # "aged 50 and over"
    if aged and (unit in _YEARS or not unit or unit in _AGES or unit in ("month", "week", "who")):
        return "clinical_context"
    if unit in _YEARS:
        of_people = bool(_COMPARATORS & set(left[:1])) and bool(_PEOPLE & set(left[1:2]))  # "adults over 70 years"
        return "implementation" if _LASTING & set(left[:2]) and not of_people else "clinical_context"
    if left[:1] and left[0] in _SIGNS:
        return "threshold"
    if _DOSES.match(unit) and (not per or _PER_DOSE.match(per)) and (unit, per) != _CLEARANCE:
        return "implementation"
    return "implementation" if _TIMES.match(unit) else "threshold"


def _of_words(words: set[str]) -> Kind | None:
    """What the words themselves say: the kind of which there are most."""
    votes: dict[Kind, int] = {
        "clinical_context": sum(word in _PEOPLE or bool(_CONDITION.match(word)) for word in words),
        "implementation": sum(word in _ROUTES or word in _PLACES or word in _RHYTHM for word in words),
        "threshold": sum(word in _COMPARATORS for word in words),
    }
    best = max(votes, key=lambda kind: votes[kind])
    return best if votes[best] else None


def _of_place(side: _Edit, *, added: bool) -> Kind:
    """What the part of the sentence says: after "in adults with" a condition, after "offer" what is offered.

    `added`: the words stand on one side alone, so that they are a phrase of their own.
    """
    words = [_plain(t.word) for t in side.words]
    if words[side.first] in _DOING_CUES or (added and words[side.first] in _MANNER):
        return "implementation"
    if words[side.first] in _CONTEXT_CUES:
        return "clinical_context"
    follows = words[side.last : side.last + 3]
    if side.words[side.first].opens and any(_DIRECTIVE.match(word) for word in follows):
        return "modality"  # the subject of "should be given"
    for place in range(side.first - 1, -1, -1):
        if words[place] == "with" and place and _ACTS.match(words[place - 1]):
            return "modality"
        if words[place] in _CONTEXT_CUES or words[place] == "risk":
            return "clinical_context"
        if words[place] in _DOING_CUES:
            return "implementation"
        if _ACTS.match(words[place]):
            return "modality"
    return "modality"
