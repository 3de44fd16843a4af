"""Which records are the same document: equal DOI, or a title that agrees together with its place or its people.

Two versions are compared only when they share a block (`keys`), so that the work grows with what is alike. Nothing is
merged or deleted: a duplicate is a link with its reason, and what people decide in `corpora/duplicates.yaml` stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from consilience.corpora.keys import Key, squeezed

VERSION = "duplicates.1"
# Title similarity that counts as the same title, and as much alike (sources §5.5; the second needs more beside it).
SAME, ALIKE = 0.95, 0.85
# With one DOI a title need only be recognisable.
_DOI_TITLE = 0.6
# How alike two abstracts of one document are at least, and how long they must be to tell anything.
SAME_ABSTRACT, TELLING = 0.90, 200
# A shortened title must keep this many letters to say which it is.
_SHORTEST = 20
# Letters of a title that, repeated exactly within a year, is no coincidence.
TITLE_ALONE = 60
Abstracts = Callable[[Key], str]


@dataclass(frozen=True, slots=True)
class Match:
    """Why two records are taken for one, and how sure that is, 0..1."""

    basis: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What two keys say about each other; a word is in none of the tuples when one side is silent."""

    title: float
    shortened: bool
    agree: tuple[str, ...]
    differ: tuple[str, ...]

    def __contains__(self, word: object) -> bool:
        return word in self.agree


def compare(a: Key, b: Key, abstract: Abstracts) -> Match | None:
    """Say why two versions are one document, or None.

    A preprint and its article, a notice, a reply and a conference abstract are documents of their own.
    """
    if a.kind != b.kind:
        return None
    seen = evidence(a, b)
    if a.doi and a.doi == b.doi:
        return _by_doi(a, b, seen)
    counted = numbers_agree(a.title, b.title)
    if not (counted or seen.shortened) or (seen.title < ALIKE and not seen.shortened and a.title and b.title):
        return None
    if len(seen.differ) > 1 or "authors" in seen.differ or "year" in seen.differ:
        return None
    if (a.pmid and b.pmid) or (a.doi and b.doi):
        # Two numbers of one sort name two documents, unless both name the same pages.
        return _told(seen) if seen.title >= SAME and {"authors", "volume", "page"} <= {*seen.agree} else None
    if counted and (_by_place(seen) or _by_title(a, b, seen, abstract)):
        return _told(seen)
    return _by_abstract(a, b, seen, abstract)


def _by_doi(a: Key, b: Key, seen: Evidence) -> Match | None:
    # One DOI may stand for a whole supplement, or for its neighbour by mistake; a translated title agrees with none.
    alike = seen.title >= _DOI_TITLE or seen.shortened or not (a.title and b.title)
    if ("page" in seen.differ or (a.pmid and b.pmid)) and not (alike and numbers_agree(a.title, b.title)):
        return None
    return Match("DOI", 1.0) if alike or {"authors", "volume", "page"} <= {*seen.agree} else None


def _by_place(seen: Evidence) -> bool:
    """Say whether title and place in the literature suffice; a difference in place asks for the abstract."""
    place = sum(word in seen for word in ("volume", "page"))
    if seen.differ:
        # A mistyped volume; other pages of one volume are another text.
        return seen.title >= SAME and not seen.shortened and {"authors", "page", "journal"} <= {*seen.agree}
    if seen.shortened:
        return place == 2 or ("authors" in seen and place == 1)
    if seen.title >= SAME:
        return "authors" in seen or place == 2 or (place == 1 and "journal" in seen)
    return seen.title >= ALIKE and "authors" in seen and place == 2


def _by_title(a: Key, b: Key, seen: Evidence, abstract: Abstracts) -> bool:
    """Say whether a long title, letter for letter, of one year (or none) must do, as one side says nothing else."""
    silent = any(not (key.authors or key.volume or key.page or abstract(key)) for key in (a, b))
    return silent and seen.title == 1.0 and len(squeezed(a.title)) >= TITLE_ALONE and a.year == b.year


def _by_abstract(a: Key, b: Key, seen: Evidence, abstract: Abstracts) -> Match | None:
    alike = same_text(abstract(a), abstract(b))
    if alike < SAME_ABSTRACT or (seen.differ and seen.title < SAME):
        return None
    return Match(f"abstract {alike:.2f}, {_told(seen).basis}", round(min(alike, max(seen.title, ALIKE)), 4))


def same_text(a: str, b: str) -> float:
    """How alike two abstracts are, 0..1, over the length of the shorter; 0 when either is too short to tell."""
    length = min(len(a), len(b), 2000)
    if length < TELLING or (length < 0.3 * max(len(a), len(b)) and length < 2000):
        return 0.0
    return fuzz.ratio(a[:length].casefold(), b[:length].casefold(), score_cutoff=80) / 100


def _told(seen: Evidence) -> Match:
    # Each thing that agrees besides takes off some of the doubt that the title leaves.
    sure = 1 - (1 - min(seen.title, 0.99)) * 0.5 ** len(seen.agree)
    name = "title (shortened)" if seen.shortened else f"title {seen.title:.2f}"
    return Match(", ".join((name, *seen.agree)), round(sure, 4))


# ---------------------------------------------------------------- comparing


def evidence(a: Key, b: Key) -> Evidence:
    """Compare two keys field by field."""
    found: dict[bool, list[str]] = {True: [], False: []}
    if a.authors and b.authors:
        shared = shared_authors(a.authors, b.authors)
        # Lists are cut and joined by databases: half of the shorter one is enough.
        found[2 * shared >= min(len(a.authors), len(b.authors))].append("authors")
    if a.year and b.year and abs(a.year - b.year) > 1:
        found[False].append("year")
    for word in ("volume", "page"):
        ours, theirs = getattr(a, word), getattr(b, word)
        if ours and theirs:
            found[ours == theirs].append(word)
    if a.journal and b.journal and same_journal(a.journal, b.journal):
        found[True].append("journal")
    similarity, shortened = similar(a.title, b.title)
    return Evidence(similarity, shortened, tuple(found[True]), tuple(found[False]))


def similar(a: str, b: str) -> tuple[float, bool]:
    """How alike two folded titles are, 0..1, and whether one is the beginning of the other."""
    if not a or not b:
        return 0.0, False
    left, right = sorted((squeezed(a), squeezed(b)), key=len)
    if left == right:
        return 1.0, False
    shortened = _is_opening(left, right)
    # Words may be moved about; a word put in place of another is another title, however long both are.
    alike = max(fuzz.ratio(left, right), fuzz.token_sort_ratio(a, b)) / 100
    if alike >= SAME and _replaced(a, b):
        alike = SAME - 0.01
    return alike, shortened


def _is_opening(left: str, right: str) -> bool:
    """Say whether one squeezed title is the other cut short, a typing error in it allowed."""
    if len(left) < _SHORTEST or len(left) > 0.95 * len(right):
        return False
    return right.startswith(left) or fuzz.ratio(left, right[: len(left)]) >= 100 * SAME


def _replaced(a: str, b: str) -> bool:
    """Say whether a whole word differs (men, women) and not just its spelling (tumor, tumour)."""
    ours, theirs = set(a.split()), set(b.split())
    mine, other = "".join(sorted(ours - theirs)), "".join(sorted(theirs - ours))
    # A letter left out, doubled or moved is a typing error even in a short word.
    mistyped = Indel.distance(mine, other) <= 1 or sorted(mine) == sorted(other)
    return bool(mine and other) and not mistyped and fuzz.ratio(mine, other) < 80


_ROMAN = {
    r: n for n, r in enumerate("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(), 1)
}
_DIGITS = re.compile(r"\d+")


def numbers_agree(a: str, b: str) -> bool:
    """Say whether two titles count alike: parts, years and doses tell texts apart."""
    left, right = sorted((squeezed(a), squeezed(b)), key=len)
    if not left or left == right:
        return True
    if _is_opening(left, right):
        # "... in rats" of "... in rats. Part II" is not a title cut short.
        short, long = sorted((a.split(), b.split()), key=lambda words: len("".join(words)))
        rest = long[len(short) :]
        whole = not rest or not (rest[0] in ("part", "pt", "no") or _counts(rest[0]))
        return whole and _counts(" ".join(short)) == _counts(" ".join(long[: len(short)]))
    return _counts(a) == _counts(b)


def _counts(title: str) -> list[str]:
    found = [digits.lstrip("0") for digits in _DIGITS.findall(title)]
    found += [str(_ROMAN[word]) for word in title.split() if word in _ROMAN and word not in ("i", "v", "x")]
    return sorted(found)


def shared_authors(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many names of one list stand in the other, in whatever order and form: `smith john`, `j smith`."""
    others = [_parts(name) for name in b]
    return sum(any(_same_person(mine, other) for other in others) for mine in map(_parts, a))


def _parts(name: str) -> tuple[frozenset[str], frozenset[str]]:
    words = name.split()
    return frozenset(w for w in words if len(w) > 1), frozenset(w[0] for w in words)


def _same_person(a: tuple[frozenset[str], frozenset[str]], b: tuple[frozenset[str], frozenset[str]]) -> bool:
    shared = a[0] & b[0]
    if not shared:
        return False
    first = {w[0] for w in shared}
    mine, other = a[1] - first, b[1] - first
    return len(shared) > 1 or not mine or not other or bool(mine & other)


_SMALL = frozenset("of the and de der la et in for und".split())


def same_journal(a: str, b: str) -> bool:
    """Say whether two folded names may be one journal's: `j clin invest` and `journal of clinical investigation`."""
    ours = [w for w in a.split() if w not in _SMALL]
    theirs = [w for w in b.split() if w not in _SMALL]
    short, long = sorted((ours, theirs), key=len)
    # A place in brackets may follow: `lancet london england`.
    return bool(short) and all(_contracted(x, y) for x, y in zip(short, long, strict=False))


def _contracted(x: str, y: str) -> bool:
    """`natl` of `national`: the letters of the shorter in the order of the longer, from the same first one."""
    short, long = sorted((x, y), key=len)
    letters: Iterator[str] = iter(long)
    return short[0] == long[0] and all(letter in letters for letter in short)
