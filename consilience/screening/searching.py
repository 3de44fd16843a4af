"""The search of a review: made of its protocol, run on the home's corpus, kept in the ledger in every translation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consilience.clocks import instant_text
from consilience.screening import picoquery
from consilience.screening.living import DATABASE
from consilience.screening.terms import Lexicon

if TYPE_CHECKING:
    from consilience.corpora.corpus import Clocks, Corpus
    from consilience.indexes import Index
    from consilience.models import Language
    from consilience.screening.review import Review

ACTOR = {"type": "rule", "name": "query", "version": "query.1"}


def searched(
    review: Review, index: Index | None, corpus: Corpus | None, clocks: Clocks, *, filter: str = "",
    model: Language | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The search of the protocol in force, counted where there is a corpus; an entry of the ledger each time.

    Where a model proposes terms, it is the entry's actor, and its terms stand apart in each group.
    """
    # Before the lock: names take seconds to load, and a model may take a minute.
    lexicon = Lexicon.load(index.lexical.mesh.tree() if index else None)
    protocol = review.protocol
    found = picoquery.told(protocol, lexicon, index=index, corpus=corpus, clocks=clocks, filter=filter, model=model)
    body = {**found, "protocol": protocol.digest, "database": DATABASE, "snapshot": corpus.name if corpus else None,
            "known_at": instant_text(clocks.known_at), "as_of": clocks.as_of.isoformat()}  # fmt: skip
    # The pieces follow from the rest, and may be a thousand.
    kept = {name: value for name, value in body.items() if name not in ("subqueries", "warnings")}
    actor = {"type": "model", "name": model.name} if model else ACTOR
    with review.changing():
        entry = review.append("search", actor, kept)
        return {**body, "ledger": {"seq": entry.seq, "sha256": entry.sha256},
                "warnings": [*body["warnings"], *review.told()]}  # fmt: skip
