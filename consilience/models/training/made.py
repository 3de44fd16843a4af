"""Pairs made of abstracts by rule: a title that states a finding, its conclusion, its neighbours, and their mutants."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consilience.models.cues import read
from consilience.models.opposites import VERBS
from consilience.models.perturbations import mutants
from consilience.models.training.sets import SEED, Pair
from consilience.text import LABEL, sentences

# What a changed statement is to the evidence of the true one: of another entity or population it says nothing.
_LABEL_OF = {
    "number": "refutes", "unit": "refutes", "negation": "refutes", "direction": "refutes", "entity": "neutral",
    "population": "neutral",
}  # fmt: skip
# How a finding is brought in, where it is.
_FOUND = (
    "{}.",
    "{}.",
    "These results show that {}.",
    "In this trial, {}.",
    "We conclude that {}.",
    "It appears that {}.",
)
_STRETCH = 700
_ABOUT = 0.4
_BE = r"is|are|was|were"
_MODAL = r"can|may|might|should|could|will"
_NOUNS_TOO = frozenset("increases changes results benefits declines delays influences decreases leads helps".split())
_THIRD = {third: base for base, (third, _, _) in VERBS.items() if third not in _NOUNS_TOO}
_PLURAL = (
    "reduce|improve|prevent|inhibit|enhance|decrease|increase|protect|predict|induce|attenuate|affect|suppress|promote|"
    "differ|cause|influence"
)
_ASKABLE = re.compile(
    rf"^(?P<s>[^:?;]{{3,120}}?) (?:(?P<be>{_BE}|{_MODAL})(?P<n1> not)?|(?P<aux>does|do|did) not (?P<base>\w+)|"
    rf"(?P<third>{'|'.join(_THIRD)})|(?<=s )(?P<plural>{_PLURAL})) (?P<o>[^:?]{{4,}}?)\.?$",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(r"\b(?:that|which|who|when|if|whether|how|why|what|where|to|and|but)$", re.IGNORECASE)
_TAIL = re.compile(r"trial registration|abstract truncated|nct\d|copyright|clinicaltrials|isrctn|©", re.IGNORECASE)
_OPENING = re.compile(
    r"^(?:in (?:conclusion|summary)[,:]?\s*|(?:we|the authors) (?:conclude|found|show|demonstrate)d? that\s*|"
    r"(?:our|these|the|this) (?:present )?(?:study|results?|findings?|data|observations?) (?:clearly |strongly |also )?"
    r"(?:suggest|indicate|show|demonstrate|support the view|confirm)s?(?:ed)? that\s*|thus,\s*|therefore,\s*)+",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"^(?:[A-Z/ &]*CONCLUSIONS?|INTERPRETATION)\b|in conclusion|we conclude|in summary", re.IGNORECASE
)
_AIM = re.compile(
    r"\b(?:aims?|objectives?|purpose|goal)\b|\bto (?:determine|evaluate|assess|investigate|examine|compare)\b|"
    r"\bwe (?:investigated|examined|evaluated|assessed|compared)\b",
    re.IGNORECASE,
)
# A registry number or an address, no measure.
_DOTTED = re.compile(r"\d[.,·]\d+[.,·]\d+[.,·]?\d*")
_SPACED = re.compile(r" [.,] ")


@dataclass(frozen=True, slots=True)
class Abstract:
    """A title and the sentences of its abstract, less registrations and notices at the end."""

    key: str
    title: str
    parts: tuple[str, ...]

    @property
    def conclusion(self) -> int:
        """Where the conclusion begins: a sentence that says so among the last six, or the last two."""
        first = max(0, len(self.parts) - 6)
        marked = [place for place in range(first, len(self.parts)) if _CONCLUDES.search(self.parts[place])]
        return marked[0] if marked else max(0, len(self.parts) - 2)

    @property
    def concludes(self) -> bool:
        """Whether a sentence says that it concludes."""
        return bool(_CONCLUDES.search(self.parts[self.conclusion]))


def abstract(key: str, title: str, text: str) -> Abstract | None:
    """An abstract to make pairs of; none where it is too short, or where its words were cut apart beforehand."""
    parts = [text[start:end].strip(" ;") for start, end in sentences(text)]
    while parts and (_TAIL.search(parts[-1]) or len(parts[-1]) < 15):
        parts.pop()
    if len(parts) < 4 or len(_SPACED.findall(text[:500])) > 2:
        return None
    first = next((title[start:end] for start, end in sentences(title)), "")
    return Abstract(key, first.partition(": ")[0].rstrip(" ."), tuple(parts))


def question(statement: str) -> tuple[str, bool] | None:
    """A statement as the question that it answers, and whether with yes: `X does not help` -> `Does X help?`, no."""
    found = _ASKABLE.match(statement)
    if found is None or _SUBORDINATE.search(found["s"]) or "," in found["s"]:
        return None
    subject = (
        found["s"] if found["s"][1:2].isupper() or found["s"][1:2] == "-" else found["s"][0].lower() + found["s"][1:]
    )
    if found["be"]:
        return f"{found['be'].capitalize()} {subject} {found['o']}?", not found["n1"]
    if found["aux"]:
        return f"{found['aux'].capitalize()} {subject} {found['base']} {found['o']}?", False
    if found["third"]:
        return f"Does {subject} {_THIRD[found['third'].lower()]} {found['o']}?", True
    return f"Do {subject} {found['plural'].lower()} {found['o']}?", True


def made(abstracts: Sequence[Abstract]) -> list[Pair]:
    """All pairs of some abstracts, each group one abstract; the same abstracts give the same pairs."""
    titled = [one for one in abstracts if question(one.title) and _coverage(one.title, _conclusion(one)) >= _ABOUT]
    found = [pair for one in titled for pair in _of_title(one)]
    found += _of_neighbours(titled, abstracts)
    for one in abstracts:
        found += _of_conclusion(one)
        found += _of_sentence(one)
    return found


def turned(abstracts: Sequence[Abstract]) -> list[Pair]:
    """A title that states a finding, as question or statement, against itself (supports) and against its denial."""
    return [pair for one in abstracts for pair in _turned(one)]


def _turned(one: Abstract) -> Iterator[Pair]:
    chosen = _chance("turned", one)
    asked = question(one.title)
    denials = [mutant.text for mutant in mutants(one.title, each=2) if mutant.kind in ("negation", "direction")]
    if asked is None or not denials:
        return
    said, denied = (
        chosen.choice(_FOUND).format(text[0].lower() + text[1:]) if text[1:2].islower() else f"{text}."
        for text in (one.title, chosen.choice(denials))
    )
    said, denied = (text[0].upper() + text[1:] for text in (said, denied))
    if chosen.random() < 0.6:
        yield Pair(asked[0], said, "supports" if asked[1] else "refutes", one.key, "turned")
        yield Pair(asked[0], denied, "refutes" if asked[1] else "supports", one.key, "turned")
    else:
        yield Pair(f"{one.title}.", said, "supports", one.key, "turned")
        yield Pair(f"{one.title}.", denied, "refutes", one.key, "turned")


def _of_title(one: Abstract) -> Iterator[Pair]:
    """The title against its conclusion (supports), turned round (refutes or neutral), and against its aim (neutral)."""
    chosen = _chance("title", one)
    asked = question(one.title)
    if asked is None:
        return
    evidence = _ending(one, chosen)
    yield Pair(asked[0], evidence, "supports" if asked[1] else "refutes", one.key, "title")
    yield Pair(one.title + ".", _ending(one, chosen), "supports", one.key, "title")
    changed = mutants(one.title)
    for mutant in chosen.sample(changed, min(3, len(changed))):
        turned = question(mutant.text) if chosen.random() < 0.4 and mutant.kind != "negation" else None
        label = _LABEL_OF[mutant.kind]
        if turned and not turned[1] and label == "refutes":
            label = "supports"
        claim = turned[0] if turned else mutant.text + "."
        yield Pair(claim, _ending(one, chosen), label, one.key, "title")
    aims = [part for part in one.parts[: one.conclusion] if _AIM.search(part)]
    if aims and chosen.random() < 0.3:
        claim = asked[0] if chosen.random() < 0.5 else one.title + "."
        yield Pair(claim, chosen.choice(aims), "neutral", one.key, "aim")


def _of_conclusion(one: Abstract) -> Iterator[Pair]:
    """A conclusion against the results before it: supports; turned round: refutes."""
    chosen = _chance("conclusion", one)
    if not one.concludes:
        return
    claim = _statement(one.parts[one.conclusion])
    before = _stretch(one.parts[: one.conclusion])
    if not 30 < len(claim) < 250 or len(before) < 100 or _coverage(claim, before) < 0.5:
        return
    asked = question(claim)
    if asked and chosen.random() < 0.5:
        yield Pair(asked[0], before, "supports" if asked[1] else "refutes", one.key, "results")
    else:
        yield Pair(claim, before, "supports", one.key, "results")
    changed = [mutant for mutant in mutants(claim) if mutant.kind in ("negation", "direction")]
    if changed:
        yield Pair(chosen.choice(changed).text, before, "refutes", one.key, "results")


def _of_sentence(one: Abstract) -> Iterator[Pair]:
    """A sentence against where it stands (supports), and changed in one place against the same."""
    chosen = _chance("sentence", one)
    if chosen.random() > 0.1:
        return
    place = chosen.randrange(len(one.parts) // 2, len(one.parts))
    claim = _statement(one.parts[place])
    if not 40 < len(claim) < 260 or _DOTTED.search(claim):
        return
    first = max(0, place - chosen.randrange(2))
    evidence = " ".join(one.parts[first : place + 1 + chosen.randrange(2)])[: 2 * _STRETCH]
    changed = mutants(claim)
    if not changed:
        return
    yield Pair(claim, evidence, "supports", one.key, "sentence")
    for mutant in chosen.sample(changed, min(2, len(changed))):
        yield Pair(mutant.text, evidence, _LABEL_OF[mutant.kind], one.key, "sentence")


def _of_neighbours(titled: Sequence[Abstract], abstracts: Sequence[Abstract]) -> Iterator[Pair]:
    """A title against the conclusion of one of the abstracts nearest to it: neutral."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2)
    whole = words.fit_transform([f"{one.title} {one.title} {' '.join(one.parts)}" for one in abstracts])
    titles = words.transform([one.title for one in titled])
    for row, one in enumerate(titled):
        chosen = _chance("neighbour", one)
        scores = (whole @ titles[row].T).toarray()[:, 0]
        nearest = [place for place in scores.argsort(kind="stable")[::-1][:14] if abstracts[place].key != one.key]
        other = abstracts[chosen.choice(nearest[1:])]
        asked = question(one.title)
        claim = asked[0] if asked and chosen.random() < 0.5 else one.title + "."
        yield Pair(claim, _ending(other, chosen), "neutral", one.key, "neighbour")


def _ending(one: Abstract, chosen: random.Random) -> str:
    """A conclusion as answers quote it: one sentence, up to three, or a stretch of at most 700 characters."""
    form = chosen.choice(("one", "conclusion", "conclusion", "stretch"))
    if form == "one":
        return max(one.parts[one.conclusion :], key=lambda part: _coverage(one.title, part))
    if form == "conclusion":
        return _conclusion(one)
    return _stretch(one.parts)


def _conclusion(one: Abstract) -> str:
    return LABEL.sub("", " ".join(one.parts[one.conclusion :][:3]))[: 2 * _STRETCH].strip()


def stretch(text: str) -> str:
    """The last whole sentences of a text within 700 characters, at least one."""
    return _stretch([text[start:end] for start, end in sentences(text)])


def _stretch(parts: Sequence[str]) -> str:
    kept: list[str] = []
    for part in reversed(parts):
        if kept and sum(len(one) + 1 for one in kept) + len(part) > _STRETCH:
            break
        kept.insert(0, part)
    return " ".join(kept)[: 2 * _STRETCH]


def _statement(part: str) -> str:
    """A sentence without its section label and without "in conclusion, our results suggest that"."""
    plain = _OPENING.sub("", LABEL.sub("", part).strip())
    return plain[:1].upper() + plain[1:]


def _coverage(claim: str, evidence: str) -> float:
    wanted = read(claim).whole.content
    return len(wanted & read(evidence).whole.content) / (len(wanted) or 1)


def _chance(what: str, one: Abstract) -> random.Random:
    """Draws that depend on the abstract alone, so that one more abstract changes no other's pairs."""
    return random.Random(f"{SEED}:{what}:{one.key}")  # noqa: S311 - sampling, not secrets
