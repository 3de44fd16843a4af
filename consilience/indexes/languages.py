"""Languages as PubMed writes them: three letters (ISO 639-2, bibliographic), with their English names."""

from __future__ import annotations

# NLM's language table (nlm.nih.gov/bsd/language_table.html): code, English name, and what else the language is called
# by files of other sources: ISO 639-1, and ISO 639-2/T where it differs.
_TABLE = """
afr Afrikaans af|alb Albanian sq sqi|amh Amharic am|ara Arabic ar|arm Armenian hy hye|aze Azerbaijani az
baq Basque eu eus|bel Belarusian be|ben Bengali bn|bos Bosnian bs|bul Bulgarian bg|bur Burmese my mya|cat Catalan ca
chi Chinese zh zho|cze Czech cs ces|dan Danish da|dut Dutch nl nld|eng English en|epo Esperanto eo|est Estonian et
fin Finnish fi|fre French fr fra|geo Georgian ka kat|ger German de deu|gla Gaelic gd|gle Irish ga|glg Galician gl
gre Greek el ell|heb Hebrew he|hin Hindi hi|hrv Croatian hr scr|hun Hungarian hu|ice Icelandic is isl
ind Indonesian id|ita Italian it|jpn Japanese ja|kaz Kazakh kk|kin Kinyarwanda rw|kor Korean ko|lat Latin la
lav Latvian lv|lit Lithuanian lt|mac Macedonian mk mkd|mal Malayalam ml|mao Maori mi mri|may Malay ms msa
mul Multiple|nor Norwegian no|per Persian fa fas|pol Polish pl|por Portuguese pt|pus Pushto ps|rum Romanian ro ron
rus Russian ru|san Sanskrit sa|slo Slovak sk slk|slv Slovenian sl|spa Spanish es|srp Serbian sr scc|swe Swedish sv
tam Tamil ta|tha Thai th|tur Turkish tr|ukr Ukrainian uk|und Undetermined|urd Urdu ur|uzb Uzbek uz|vie Vietnamese vi
wel Welsh cy cym
"""
_ENTRIES = tuple(entry.split() for entry in _TABLE.replace("\n", "|").strip("|").split("|"))
NAMES = {code: name for code, name, *_ in _ENTRIES}
_CODES = {word.casefold(): entry[0] for entry in _ENTRIES for word in entry}


def code_of(language: str) -> str | None:
    """PubMed's code of a language given by any of its codes, its English name or a tag such as `en-GB`; else None.

    >>> code_of("English"), code_of("deu"), code_of("pt-BR"), code_of("Klingon")
    ('eng', 'ger', 'por', None)
    """
    asked = language.strip().casefold()
    return _CODES.get(asked) or _CODES.get(asked.replace("_", "-").split("-")[0])
