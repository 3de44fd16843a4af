"""All 30,199 real records whose DTD Bio.Entrez holds, read by it and by us, element by element."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.corpora.pubmed_oracle import against_biopython, tally

# Records and differences of each file; the reasons are those of tests/corpora/pubmed_oracle.py, and ours is the richer
# or the tidier in each: no tags in the text, one blank for any run of white space, DOIs comparable by capitals.
TAGS, BLANKS, MARKS = "literal tags", "white space", "control and zero-width characters"
FILES: dict[str, tuple[int, dict[tuple[str, str], int]]] = {
    "pubmed20n0014.xml.gz": (
        30_000,
        {
            ("abstract", BLANKS): 258,
            ("doi", "a DOI in lower case"): 434,
            ("other_abstracts", BLANKS): 102,
            ("title", BLANKS): 30,
            ("vernacular_title", BLANKS): 13,
        },
    ),
    "pubMR_pubmed_result_2019.xml.gz": (
        93,
        {
            ("abstract", TAGS): 21,
            ("abstract", f"{TAGS} + {BLANKS}"): 3,
            ("abstract", BLANKS): 14,
            ("doi", "a DOI in lower case"): 11,
            ("grants", BLANKS): 1,
            ("keyword_lists", BLANKS): 4,
            ("keywords", BLANKS): 2,
            ("title", TAGS): 1,
            ("title", BLANKS): 1,
        },
    ),
    "sk8erjs69_pubmed_result_2015.xml.gz": (
        106,
        {
            ("abstract", BLANKS): 5,
            ("author_list", MARKS): 1,
            ("doi", "a DOI in lower case"): 7,
        },
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_no_element_of_any_record_is_poorer_than_biopythons(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.environ.get("CONSILIENCE_DATA")
    assert data, "CONSILIENCE_DATA names the folder of the development data"
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    read, found = against_biopython(Path(data) / "pubmed_xml" / name)
    counts = tally(found)
    print(f"\n{name}: {read} records; " + "; ".join(f"{e}, {why}: {n}" for (e, why), n in sorted(counts.items())))
    assert [each for each in found if not each.why] == []
    assert (read, dict(counts)) == FILES[name]
