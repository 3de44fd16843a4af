"""The graph chain: dated claims between the question's entities, or the bridge from one to the other."""

from __future__ import annotations

from consilience.reasoning.chains.actions import Actions
from consilience.reasoning.evidence import Finding

# Claims read at most, and ways walked.
CLAIMS, WAYS = 40, 3


def graph_chain(at: Actions) -> list[Finding]:
    """Read the quotes of direct claims; where an open question has none, walk two hops between its ends, then three.

    Steps of a way settle no statement about its ends, so that a polar question is not worth the walk.
    """
    entities = at.link(at.task.question)
    claims = at.about(entities, CLAIMS)
    findings = at.quotes(claims)
    for hops in (2, 3):
        if claims or len(entities) < 2 or at.task.kind == "polar" or not at.next_round():
            break
        ways = at.paths(entities[0], entities[1], hops, WAYS)
        claims = [claim for way in ways for claim in way]
        findings += [finding for way in ways for finding in at.quotes(way, together=True)]
    return findings
