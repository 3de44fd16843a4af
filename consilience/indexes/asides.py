"""What of a query is beside the point: sentences about someone else, and words of medicine that mean no medicine.

A disease of the neighbour, or a company that haemorrhages money, draws documents towards itself that have nothing to
do with the question (MedDistractQA, arXiv 2504.02087). But to leave out what matters is worse than to keep what does
not: blood relatives stay, and so does whatever could infect, expose, injure or describe the patient, or be the one who
is asked about.
"""

from __future__ import annotations

import re

from consilience.text import sentences, words

_LEAD = (
    r"(?:(?:of note|by the way|incidentally|meanwhile|also|recently|interestingly|notably|additionally|coincidentally|"
    r"separately|unrelatedly|metaphorically|figuratively|(?:last|this) \w+|(?:\w+ ){1,3}ago|while|and|but),?\s+){0,4}"
)
# Not "my": whoever says "my friend has gout" asks for the friend.
_OWNER = r"(?:his|her|their|(?:the|this) (?:[\w-]+ )?(?:patient|man|woman|boy|girl|child|family)['’]s)"
_OTHERS = (
    r"(?:neighbou?r|friend|(?:room|flat|house|class|team|work)-?mate|colleague|co-?worker|boss|manager|"
    r"land(?:lord|lady)|(?:school)?teacher|professor|coach|trainer|instructor|barber|hairdresser|mechanic|plumber|"
    r"accountant|lawyer|cleaner|acquaintance|pen ?pal|mail ?man|postman|(?:mother|father|brother|sister)-in-law|"
    r"ex-(?:wife|husband|partner|girlfriend|boyfriend))"
)
# What people do (keep pigeons, work with lead) may reach the patient; what they have or had does not.
_IS = r"(?:has|had|suffer(?:s|ed) from|lives with|takes|died of|is|was|read about)\b"
_PETS = r"(?:dog|cat|puppy|pet(?: \w+)?|parrot|hamster|rabbit|horse|pony|goldfish|tortoise)"
_AILS = (
    r"(?:has|had|suffers? from|(?:is|was) (?:recently |now )?(?:being )?"
    r"(?:treated|operated on|diagnosed|named|called))\b"
)
_WORKS = (
    r"(?:films?|movies?|novels?|books?|songs?|albums?|painting|poem|podcast|(?:video )?game|yacht|"
    r"(?:\w+ )?(?:band|team|choir|club))"
)
_ASSETS = (
    r"(?:business|company|firm|start-?up|stocks?|(?:stock )?portfolio|investments?|career|inbox|computer|"
    r"laptop|website)"
)
_FIGURES = r"(?:h(?:a)?emorrhag\w+|bleed\w*|paraly[sz]ed|virus|heart attack|flatlin\w+|died|dying|suffers? from|cancer)"
_SUBJECT = re.compile(
    rf"^{_LEAD}(?:"
    rf"{_OWNER} (?:[\w-]+ )??(?:{_OTHERS} {_IS}|{_PETS} {_AILS}|{_ASSETS} (?:\w+ ){{0,2}}?{_FIGURES}\b|"
    rf"{_WORKS} (?:is|was) (?:called|named|titled|entitled|nicknamed)\b|{_WORKS} (?:features?|compares?)\b|"
    rf"(?:(?:zodiac|star|birth) sign|horoscope)\b)"
    rf"|(?:an?|one|another) (?:[\w-]+ )?{_OTHERS} of (?:his|hers|theirs) {_IS}"
    rf"|(?:he|she) (?:is writing|wrote|plays [\w ]{{1,20}}in) an? {_WORKS} (?:called|named|titled|entitled)\b)",
    re.IGNORECASE,
)
# What brings a sentence back to the patient: that he is spoken of.
_BACK = re.compile(
    r"\b(?:he|she|him|her|hers|his|i|me|my|we|us|our|they|them|their|patient\w*|same|similar|shar\w+|both|also|too|"
    r"not(?:ed|iced|es)?|s[ae]w|seen|witness\w*|found|observ\w+|report\w*|sa(?:ys|id)|think\w*|tells?|told|recommend\w*|"
    r"advi[sc]e\w*|g[ai]ven?|gives)\b",
    re.IGNORECASE,
)
# What passes from one to the other, and what injures.
_PASSES = re.compile(
    r"\b(?:mou?ld\w*|gas|lead|donat\w+|kiss\w*|sex\w*|pregnan\w+|needles?|smok\w+|"
    r"bit(?:es|ing|ten)?|scratch\w*|lick\w*|kick\w*|hit|struck|crash\w*|fell|fall\w*|accident\w*|burn\w*|fire|attack\w*|"
    r"\w*(?:infect|contag|bacter|vir(?:us|al)\b|fung|parasit|expos|toxi|poison|pestic|solvent|chemi|asbest|monox|allerg|"
    r"vaccin|immuni[sz]|antibiot|tubercul|salmon|shigell|listeri|legionell|chlamyd|brucell|plasm|cocc|borreli|lyme|"
    r"leptosp|mycosis|psittac|tularem|strept|staph)\w*|"
    r"(?:mening|hepat|gastroenter|enter|conjunctiv|encephal|pharyng|tonsill|bronch|bronchiol|impetig|myel)i(?:tis|o)|"
    r"\w+(?:iasis|pox|worms?)|hiv|aids|tb|mrsa|c\. diff\w*|covid\S*|sars\S*|mers|ebola|flu|influenza|colds?|fevers?|"
    r"cough\w*|rash\w*|diarrh\w+|vomit\w*|sick\w*|ill|pneumonia|pertussis|whooping|measles|mumps|rubella|varicella|"
    r"shingles|zoster|herpes|mono|mononucleosis|croup|syphilis|gonorrh\w+|warts?|leprosy|plague|anthrax|rabies|rabid|"
    r"scabies|malaria|dengue|polio\w*|typhoid|cholera|diphtheria|tetanus|impetigo|tinea|lice|mites?|mange|fleas?|ticks?|"
    r"isoniazid|rifamp\w+|\w+(?:cillin|mycin|cycline|floxacin|vir))\b",
    re.IGNORECASE,
)
# Who is asked about what passes between people needs to be told what those around him have.
_BETWEEN = re.compile(
    r"\b(?:contacts?|expos\w+|prophyla\w+|prevent\w*|protect\w*|vaccin\w+|immuni[sz]\w+|screen\w*|test(?:ed|ing|s)?|"
    r"transmi\w+|contag\w+|infect\w*|catch\w*|spread\w*|isolat\w+|quarantin\w+|inherit\w*|heredit\w+|donor\w*|donat\w+|"
    r"pathogens?|diagnosis|diagnosed|dogs?|cats?|rabbits?|horses?|birds?|(?:what|which)\b.{0,60}\b(?:likely|causes?|explains?|triggers?))\b",
    re.IGNORECASE,
)
# So many words of five letters or more make a question that stands alone; fewer may ask of whom the aside speaks.
_ALONE, _LONG = 4, 5


def is_aside(sentence: str, *, alone: bool = False) -> bool:
    """Say whether a sentence is about someone or something else than the patient or the population, and harmless.

    Beside a question that stands `alone`, and is of nobody in particular, what others have passes to no patient.
    """
    about = _SUBJECT.match(sentence)
    if "?" in sentence or about is None or _BACK.search(sentence, about.end()):
        return False
    return alone or not _PASSES.search(sentence, about.end())


def to_the_point(query: str) -> str:
    """The query without its asides; as it stands unless what is left can be asked alone and does not need them."""
    pieces = [query[start:end] for start, end in sentences(query)]
    kept = [piece for piece in pieces if not is_aside(piece)]
    left = " ".join(kept)
    return left if len(kept) < len(pieces) and _stands_alone(left, [p for p in pieces if p not in kept]) else query


def _stands_alone(left: str, asides: list[str]) -> bool:
    """Say whether a query can do without its asides: it says enough, nothing of what they say, and of no contact."""
    told = {word for word in words(left) if len(word) >= _LONG}
    spoken = {word for aside in asides for word in words(aside) if len(word) >= _LONG}
    return len(told) >= _ALONE and not told & spoken and not _BETWEEN.search(left)
