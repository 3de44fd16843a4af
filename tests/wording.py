"""A small lexicon of our own, so that tests of terms need no package of vocabularies."""

from __future__ import annotations

from consilience.indexes.boolean.mesh import Heading, Tree
from consilience.kg.concepts import Concept as Thing
from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.screening.terms import Lexicon

HEADINGS = [
    ("Dementia", "MESH:D003704", "Disease"), ("Multiple Myeloma", "MESH:D009101", "Disease"),
    ("Atrial Fibrillation", "MESH:D001281", "Disease"), ("Diabetes Mellitus", "MESH:D003920", "Disease"),
    ("Neoplasms", "MESH:D009369", "Disease"), ("Urinary Bladder Neoplasms", "MESH:D001749", "Disease"),
    ("Carbamazepine", "MESH:D002220", "Chemical"), ("Propranolol", "MESH:D011433", "Chemical"),
    ("Immune Checkpoint Inhibitors", "MESH:D000082082", "Chemical"),
]  # fmt: skip
THINGS = [
    Thing("MONDO:1", "Disease", "plasma cell myeloma",
          ("plasma cell myeloma", "multiple myeloma", "myeloma, multiple", "myeloma"), "mondo"),
    Thing("MONDO:2", "Disease", "smoldering myeloma", ("smoldering myeloma",), "mondo", depth=2),
    Thing("DRUG:1", "Chemical", "carbamazepine", ("carbamazepine", "Tegretol", "Soma"), "drugs",
          brands=frozenset({"Tegretol", "Soma"})),
    Thing("DRUG:2", "Chemical", "atenolol", ("atenolol",), "drugs"),
]  # fmt: skip
TREE = Tree([
    Heading("D003704", "Dementia", ("F03.1",), ("Amentia",)), Heading("D000544", "Alzheimer Disease", ("F03.1.1",)),
])  # fmt: skip


def small_lexicon(tree: Tree | None = None) -> Lexicon:
    """Nine headings, four things with their synonyms, and whatever `terms.v1.yaml` adds."""
    vocabulary = merge([("corpus", HEADINGS)], THINGS, {})
    return Lexicon(Linker(vocabulary), {"MONDO:2": ("MONDO:1",)}, {}, tree)
