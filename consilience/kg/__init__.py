"""What is claimed: entities, claims with their quotes, and a graph that answers as of any day."""

from consilience.kg.belief import Belief, Evidence, belief
from consilience.kg.extract import EXTRACTOR, ClaimRow, Entity, Extraction, Source, as_contract, extract, extractor_id
from consilience.kg.graph import Graph, claims_schema
from consilience.kg.link import Link, Linker, Mention
from consilience.kg.vocabulary import Vocabulary

__all__ = [
    "EXTRACTOR",
    "Belief",
    "ClaimRow",
    "Entity",
    "Evidence",
    "Extraction",
    "Graph",
    "Link",
    "Linker",
    "Mention",
    "Source",
    "Vocabulary",
    "as_contract",
    "belief",
    "claims_schema",
    "extract",
    "extractor_id",
]
