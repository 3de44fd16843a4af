"""How a name is compared: words without case, plural, hyphen, accent or spelling of one side of the Atlantic."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

WORD = re.compile(r"[^\W_]+(?:['’]s\b)?")
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "ω": "omega",
}  # fmt: skip
_NO_PLURAL = ("ss", "us", "is", "as", "os")


def normal_word(word: str) -> str:
    """`Tumours` -> `tumor`, `β` -> `beta`, `Alzheimer's` -> `alzheimer`; names and texts are treated alike."""
    plain = word.lower()
    if not plain.isascii():
        plain = "".join(_GREEK.get(c, c) for c in plain.replace("’", "'"))
        plain = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    plain = plain.removesuffix("'s")
    if len(plain) < 4:
        return plain
    plain = _singular(plain)
    return plain.replace("ae", "e").replace("oe", "e").replace("tumour", "tumor") if len(plain) > 4 else plain


def _singular(word: str) -> str:
    if not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


def key(name: str) -> str:
    """What two names share when they are the same: `β-Blockers` and `beta blocker` are both `beta blocker`."""
    return " ".join(normal_word(found.group(0)) for found in WORD.finditer(name))


def variants(name: str) -> Iterator[str]:
    """The name, and the natural order of an inverted one: `Neoplasms, Bone` is also `Bone Neoplasms`."""
    bare = re.sub(r" \(disease\)$|, NOS$", "", name)
    yield bare
    parts = bare.split(", ")
    if 2 <= len(parts) <= 3 and not re.search(r"\b(and|or|with)\b", bare):
        yield " ".join(reversed(parts))


def is_acronym(name: str) -> bool:
    """Say whether a name only means itself in capitals: `AIDS`, `T2DM`, not `aids`."""
    letters = [c for c in name if c.isalpha()]
    return " " not in name and len(name) <= 8 and len(letters) > 0 and sum(c.isupper() for c in letters) >= 2
