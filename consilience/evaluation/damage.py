"""What other databases do to a record: a seeded copy of it as it comes out of an export, or its near neighbour.

A copy is the same document; a neighbour (an erratum, a reply, part II, next year's report, a conference abstract, a
preprint) is another one, though most of its words are the same.
"""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from consilience.records import PartialDate, PublicationEvent, PublicationType, Record

Damage = Callable[[Record, random.Random], Record]
# How many damages a copy has: most exports differ in several things.
_FEWEST, _MOST = 1, 4


def stripped(record: Record, name: str) -> Record:
    """The record as another source would give it: no PMID, no links to others, an id of its own."""
    return replace(
        record, id=name, source="records", pmid="", pmcid="", source_version="", revised=None, corrections=(),
        extra={k: v for k, v in record.extra.items() if k in ("volume", "issue", "medline_pgn")},
    )  # fmt: skip


def copied(record: Record, name: str, chance: random.Random) -> tuple[Record, tuple[str, ...]]:
    """A damaged copy and what was done to it; the number of damages and the damages are drawn."""
    done = tuple(sorted(chance.sample(sorted(DAMAGES), chance.randint(_FEWEST, _MOST))))
    made = stripped(record, name)
    for damage in done:
        made = DAMAGES[damage](made, chance)
    return made, done


def neighbour(record: Record, kind: str, name: str, chance: random.Random) -> Record:
    """Another document that looks like this one."""
    return NEIGHBOURS[kind](stripped(record, name), chance)


# ---------------------------------------------------------------- titles and abstracts


def _titled(record: Record, title: str) -> Record:
    return replace(record, fields={**record.fields, "title": title}) if record.fields.get("title") else record


def _title(change: Callable[[str, random.Random], str]) -> Damage:
    return lambda record, chance: _titled(record, change(record.fields.get("title", ""), chance))


def _case(title: str, chance: random.Random) -> str:
    return chance.choice([title.upper(), title.title(), title.lower()])


def _plain(title: str, chance: random.Random) -> str:
    kept = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return re.sub(r"[^\w\s]", chance.choice(["", " "]), kept)


def _punctuated(title: str, chance: random.Random) -> str:
    respelt = re.sub(r"[-:]", lambda m: chance.choice([" ", " - ", "–", m[0]]), title)
    return respelt.rstrip(". ") + chance.choice(["", "."])


def _escaped(title: str, chance: random.Random) -> str:
    words = html.escape(title, quote=True).encode("ascii", "xmlcharrefreplace").decode().split(" ")
    place = chance.randrange(len(words))
    words[place] = f"<i>{words[place]}</i>" if chance.random() < 0.5 else words[place]
    return html.escape(" ".join(words)) if chance.random() < 0.2 else " ".join(words)


def _shortened(title: str, chance: random.Random) -> str:
    length = max(40, int(len(title) * chance.uniform(0.6, 0.9)))
    return title if len(title) <= length else title[:length].rsplit(" ", 1)[0] + chance.choice(["", "..."])


def _bracketed(title: str, chance: random.Random) -> str:
    if title.startswith("["):
        return title.strip("[]. ").removesuffix("(author's transl)").strip("]. ")
    return f"[{title.rstrip('.')}]{chance.choice(['', '.'])}"


def _mistyped(title: str, chance: random.Random) -> str:
    places = [i for i, c in enumerate(title) if c.isalpha() and i]
    if len(places) < 12:
        return title
    at = chance.choice(places[:-1])
    return chance.choice([
        title[:at] + title[at + 1 :], title[:at] + title[at + 1] + title[at] + title[at + 2 :],
        title[:at] + title[at] + title[at:],
    ])  # fmt: skip


def _abstract(record: Record, chance: random.Random) -> Record:
    text = record.fields.get("abstract", "")
    if not text:
        return record
    cut = text[: int(len(text) * chance.uniform(0.5, 0.95))]
    changed = chance.choice([cut, text.upper(), html.escape(text), f"{text} Copyright 2001 S. Karger AG, Basel.", ""])
    kept = {k: v for k, v in record.fields.items() if k != "abstract"}
    if not (changed or kept.get("title")):  # a record must keep something to be known by
        return record
    return replace(record, fields={**kept, "abstract": changed} if changed else kept)


# ---------------------------------------------------------------- people, place and date


def _initials(author: str) -> tuple[str, str]:
    surname, *given = author.split(" ")
    return surname, " ".join(name[0] for name in given if name)


def _authors(record: Record, chance: random.Random) -> Record:
    names = list(record.authors)
    form = chance.choice(["initials", "comma", "natural", "first three", "shuffled"])
    if form == "initials":
        names = [" ".join(filter(None, (s, i.replace(" ", "")))) for s, i in map(_initials, names)]
    elif form == "comma":
        names = [f"{s}, {'. '.join(i.split())}." if i else s for s, i in map(_initials, names)]
    elif form == "natural":
        names = [" ".join([*name.split(" ")[1:], name.split(" ")[0]]) for name in names]
    elif form == "first three":
        names = names[:3]
    else:
        chance.shuffle(names)
    plain = ["".join(c for c in unicodedata.normalize("NFKD", n) if not unicodedata.combining(c)) for n in names]
    return replace(record, authors=tuple(plain if chance.random() < 0.5 else names))


def _with(record: Record, **changes: Any) -> Record:
    return replace(record, extra={k: v for k, v in {**record.extra, **changes}.items() if v})


def _pages(record: Record, chance: random.Random) -> Record:
    pages = str(record.extra.get("medline_pgn", ""))
    start, _, end = pages.partition("-")
    whole = f"{start}-{start[: len(start) - len(end)]}{end}" if end.isdecimal() and len(end) < len(start) else pages
    return _with(record, medline_pgn=chance.choice([whole, start, "", f"pp. {start}"]))


def _volume(record: Record, chance: random.Random) -> Record:
    volume, issue = record.extra.get("volume", ""), record.extra.get("issue", "")
    if not volume:
        return record
    return _with(record, volume=chance.choice([f"Vol. {volume}", f"{volume} ({issue})", ""]))


def _journal(record: Record, chance: random.Random) -> Record:
    words = [w for w in re.split(r"\W+", record.journal) if w.lower() not in ("of", "the", "and", "de", "")]
    short = [w if len(w) < 5 else w[: chance.randint(3, 5)] + "." for w in words]
    return replace(record, journal=chance.choice([" ".join(short) if len(words) > 1 else record.journal, ""]))


def _doi(record: Record, chance: random.Random) -> Record:
    return replace(record, doi=chance.choice(["", "", f"{record.doi}/full" if record.doi else ""]))


def shifted(record: Record, years: int) -> Record:
    """The record as if it had come out so many years later."""
    moved = tuple(
        PublicationEvent(
            e.kind, PartialDate(_later(e.when.start, years), _later(e.when.end, years), "year", e.when.raw)
        )
        for e in record.events
    )
    return replace(record, events=moved)


def _later(day: date, years: int) -> date:
    return day + timedelta(days=round(365.25 * years))


def _year(record: Record, chance: random.Random) -> Record:
    return shifted(record, chance.choice([-1, 1]))


DAMAGES: Mapping[str, Damage] = {
    "case": _title(_case), "diacritics and punctuation lost": _title(_plain), "punctuation": _title(_punctuated),
    "entities": _title(_escaped), "title cut": _title(_shortened), "brackets": _title(_bracketed),
    "typing error": _title(_mistyped), "abstract": _abstract, "authors": _authors, "pages": _pages, "volume": _volume,
    "journal": _journal, "doi": _doi, "year": _year,
}  # fmt: skip


# ---------------------------------------------------------------- neighbours


def _elsewhere(record: Record, chance: random.Random, *, volume: bool = True) -> Record:
    """On other pages, and in another volume unless it follows in the same."""
    pages = str(chance.randint(2000, 3999))
    return _with(
        record, medline_pgn=pages, volume=str(chance.randint(200, 300)) if volume else record.extra.get("volume")
    )


def _without_abstract(record: Record) -> Record:
    return replace(record, fields={k: v for k, v in record.fields.items() if k != "abstract"})


def _headed(head: str) -> Damage:
    def make(record: Record, chance: random.Random) -> Record:
        made = _titled(record, f"{head}{record.fields.get('title', '')}")
        return replace(_without_abstract(_elsewhere(made, chance, volume=False)), doi="")

    return make


def _part(record: Record, chance: random.Random) -> Record:
    title = record.fields.get("title", "").rstrip(". ]")
    made = _without_abstract(_titled(record, f"{title}. {chance.choice(['Part II', 'II', '2'])}"))
    return replace(_elsewhere(made, chance, volume=False), doi="")


def _next_year(record: Record, chance: random.Random) -> Record:
    """The same title again a year later, in the next volume: annual reports."""
    return replace(_without_abstract(_elsewhere(shifted(record, 1), chance)), doi="")


def _meeting(record: Record, chance: random.Random) -> Record:
    made = replace(_elsewhere(shifted(record, -1), chance), doi="", journal="Proceedings of the annual meeting")
    text = record.fields.get("abstract", "")
    fields = {**made.fields, **({"abstract": text[: len(text) // 3]} if text else {})}
    return replace(made, fields=fields, publication_types=(PublicationType("Meeting Abstract"),))


def _preprint(record: Record, chance: random.Random) -> Record:
    made = replace(shifted(record, -1), doi=f"10.1101/{chance.randint(10**6, 10**7)}", journal="medRxiv", extra={})
    return replace(_titled(made, _punctuated(made.fields.get("title", ""), chance)),
                   publication_types=(PublicationType("Preprint", "D000076942"),))  # fmt: skip


NEIGHBOURS: Mapping[str, Damage] = {
    "erratum": _headed("Erratum: "), "reply": _headed("Reply: "), "part II": _part, "next year": _next_year,
    "conference abstract": _meeting, "preprint": _preprint,
}  # fmt: skip
# Neighbours that report the same study, though they are other documents.
OF_ONE_STUDY = frozenset({"erratum", "conference abstract", "preprint"})
