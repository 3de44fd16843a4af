"""What sentences name: stretches that could answer a question by name, word for word as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consilience.abbreviations import abbreviations
from consilience.kg.names import normal_word

# Of a name, in words; and of a sentence, in characters, that is looked at: a hostile one must not cost more.
_LONGEST_NAME, LONGEST_SENTENCE = 6, 1500
_TOKEN = re.compile(r"[^\s,;:()\[\]{}\"“”<>=?!|/]+")
_AGAINST = re.compile(r"(?:anti|non)[-–](?=\w)", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d.,]*(?:st|nd|rd|th)?%?")
# A number with what it counts: `15%`, `4 to 6 weeks`, `1:5,000`, `> 200 nucleotides`.
_QUANTITY = re.compile(
    r"(?<![\w.-])(?:[<>≤≥~≈±]\s?)?\d[\d.,]*\d?(?:\s?(?:[-–:/]|to|and)\s?\d[\d.,]*\d?)?"
    r"(?:\s?(?:%|percent\b)|[ -](?:million|thousand|billion)\b)?"
    r"(?:[ -]?(?:years?|months?|weeks?|days?|hours?|minutes?|mg|kg|µg|μg|g|ml|mL|kb|Mb|bp|nt|nm|kDa|nucleotides?|"
    r"genes?|proteins?|patients|persons|births?|individuals|amino acids?|residues|base pairs?|subunits?|copies|exons?|"
    r"sites?|families|species|times|fold|cm|mm|µm|μm|°C|mutations?|loci|variants?|chromosomes?)\b)?"
)
_COUNTS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty)\b", re.IGNORECASE
)
# Words that end a name: function words, and what abstracts say of names.
BREAKS = frozenset(
    """a an the this that these those its it their his her our we they he she i you who whom which what where when how
    why whose and or but nor so yet than then as if while whereas although though because since until unless both either
    neither not no only also thus hence therefore however moreover furthermore of in on at by for with from to into onto
    upon within without between among across against during before after above below under over through throughout via
    per versus vs about around near towards toward along despite except like such other others another any some each
    every all most many much more less few several various is are was were be been being am has have had having do does
    did can could may might must shall should will would there here very highly well often usually commonly mainly
    mostly primarily typically generally currently recently previously specifically especially particularly
    significantly strongly directly potentially approximately respectively further still even just too up out off due
    according based using used use uses caused cause causes causing called named termed known shown show shows showed
    found find finds suggest suggests suggested suggesting demonstrate demonstrates demonstrated indicate indicates
    indicated indicating reveal reveals revealed report reports reported describe describes described identify
    identifies identified provide provides provided include includes included including contain contains contained
    containing consist consists comprise comprises comprising encode encodes encoded encoding express expresses
    expressed regulate regulates regulated regulating mediate mediates mediated inhibit inhibits inhibited inhibiting
    activate activates activated activating induce induces induced inducing increase increases increased increasing
    decrease decreases decreased decreasing reduce reduces reduced reducing target targets targeted targeting bind binds
    bound binding block blocks blocked blocking treat treats treated treating develop develops developed developing
    occur occurs occurred occurring result results resulted resulting lead leads led leading play plays played playing
    associated involved related linked located present characterized characterised observed considered approved
    designed compared required resulted confirmed detected determined obtained performed evaluated assessed studied
    investigated investigate proposed established implicated derived affects affect affected acts act promotes promote
    promoted prevents prevent prevented requires require represents represent represented remains remain became become
    becomes makes make made allows allow allowed enables enable undergo undergoes interacts interact contributes
    contribute involves involve ie eg etc""".split()
)
# What stands in front of a name and is no part of it, and words that name nothing by themselves.
_NOTHING = frozenset(
    """study studies patient patients analysis data result results effect effects role level levels group groups case
    cases trial trials conclusion conclusions method methods objective background purpose aim evidence finding findings
    use model models human humans year years time number new novel first second third one two three high low higher
    lower different important main major common rare recent early late treatment therapy disease diseases disorder
    disorders syndrome gene genes protein proteins drug drugs cell cells function functions expression activity factor
    factors risk review article paper abstract authors author type types form forms part example examples approach
    approaches tool tools system systems process processes mechanism mechanisms development potential specific clinical
    addition order presence absence increase decrease change changes development response responses combination
    population populations individuals people subjects women men children adults participants present total overall
    information knowledge literature report reports condition conditions symptom symptoms feature features""".split()
)


@dataclass(frozen=True, slots=True)
class Name:
    """A stretch of a sentence that could be a name: half-open offsets into the sentence, and the key it is told by."""

    start: int
    end: int
    text: str
    key: str
    words: int
    whole: bool  # nothing but function words and punctuation around it


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    text: str
    word: str


def names(text: str) -> list[Name]:
    """Every run of up to six words between function words, and each part of one that could stand alone."""
    return [name for run in _runs(text[:LONGEST_SENTENCE]) for name in _parts(text, run)]


def quantities(text: str) -> list[Name]:
    """Numbers with what they count, and counts in words."""
    seen = text[:LONGEST_SENTENCE]
    found = sorted(m.span() for rule in (_QUANTITY, _COUNTS) for m in rule.finditer(seen))
    return [
        Name(start, end, said, key, len(said.split()), True)
        for start, end in found
        if (said := seen[start:end].rstrip(".,")) and (key := key_of(said))
        for end in [start + len(said)]
    ]


def key_of(text: str) -> str:
    """What spellings of one name share: `IL-β`, `IL beta`; plural, hyphen and case do not count."""
    return " ".join(word for piece in re.findall(r"[^\W_]+|%", text) if (word := normal_word(piece)))


def same_names(texts: Iterable[str]) -> Mapping[str, str]:
    """Which short form stands for which long one, by their keys, as the texts define them; the first to say counts."""
    found: dict[str, str] = {}
    for text in texts:
        for short, long in abbreviations(text[:LONGEST_SENTENCE]):
            found.setdefault(key_of(short), key_of(long))
    return {short: long for short, long in found.items() if short != long and long}


def _runs(text: str) -> Iterator[list[_Token]]:
    run: list[_Token] = []
    for found in _TOKEN.finditer(text):
        said = found.group(0).strip(".'’‘*-–—")
        if not said:
            continue
        start = found.start() + found.group(0).index(said)
        if bare := _AGAINST.match(said):  # what is acted against is named, not the acting
            said, start = said[bare.end() :], start + bare.end()
            if run:
                yield run
            run = []
        token = _Token(start, start + len(said), said, said.lower())
        if run and text[run[-1].end : token.start].strip():  # something stands between: punctuation
            yield run
            run = []
        if token.word in BREAKS:
            if run:
                yield run
            run = []
        else:
            run.append(token)
    if run:
        yield run


def _parts(text: str, run: Sequence[_Token]) -> Iterator[Name]:
    for first in range(len(run)):
        for last in range(first, min(len(run), first + _LONGEST_NAME)):
            part = run[first : last + 1]
            if not _could_name(part):
                continue
            start, end = part[0].start, part[-1].end
            if key := key_of(text[start:end]):
                yield Name(start, end, text[start:end], key, len(part), len(part) == len(run))


def _could_name(part: Sequence[_Token]) -> bool:
    if all(token.word in _NOTHING or _NUMBER.fullmatch(token.text) for token in part):
        return False
    return len(part) > 1 or len(part[0].text) > 1
