"""What the rules say of each criterion on a record: shown beside it, never a decision.

The judge is compiled from the protocol once, when an order is made, and kept in `cache/`: its lexicon takes seconds.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from consilience.home import write_atomically

if TYPE_CHECKING:
    from consilience.screening.judge import Judge
    from consilience.screening.review import Review


def judge(review: Review) -> Judge | None:
    """The judge of the protocol in force; None where `prepared` has not made it yet."""
    try:
        kept = _kept(review).read_bytes()
    except OSError:
        return None
    from consilience.screening.judge import Judge

    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Judge.read(orjson.loads(kept))
    return None


def prepared(review: Review) -> Judge:
    """The judge of the protocol in force, made and kept if it is not there."""
    known = judge(review)
    if known is not None:
        return known
    from consilience.screening.judge import Judge
    from consilience.screening.terms import Lexicon

    made = Judge.of(review.protocol, Lexicon.load())
    write_atomically(_kept(review), orjson.dumps(made.as_json(), option=orjson.OPT_SORT_KEYS))
    return made


def _kept(review: Review) -> Path:
    return review.folder / "cache" / f"judge-{review.protocol.digest}.json"
