"""Saved answers and the papers under them, taken away one by one."""

from __future__ import annotations

from pathlib import Path

from consilience import Home, contract


def cited_by(home: Home) -> dict[str, set[str]]:
    """Which saved answers cite each document."""
    found: dict[str, set[str]] = {}
    for row in home.questions()["questions"]:
        for cited in home.questions(row["name"])["questions"][0]["history"][-1]["cited"]:
            found.setdefault(cited["id"], set()).add(row["name"])
    return found


def retract_one_by_one(home: Home, folder: Path) -> int:
    """Retract every document that saved answers cite; return how many.

    After each, `changes` and `questions` must tell every answer that cites it, once, and no other.
    """
    cited = cited_by(home)
    fallen: dict[str, set[str]] = {}
    for document, names in sorted(cited.items()):
        since = home.store.commits()[-1].known_at
        column, value = document.split(":", 1)
        (folder / "one.csv").write_text(f"{column.lower()},date,kind\n{value},2020-01-01,retracted\n")
        assert home.ingest_retractions([folder / "one.csv"])["files"][0]["status"] == "loaded"
        home.refresh()
        told = contract.validated("changes", home.changes(since))
        affected = [(row["id"], row["what"], row["because"][0]) for row in told["rows"] if row["kind"] == "answer"]
        assert sorted(affected) == sorted((name, "retracted", document) for name in names)
        assert [r["id"] for r in told["rows"] if r["kind"] == "document"] == [document]
        for name in names:
            fallen.setdefault(name, set()).add(document)
        listed = {row["name"]: row for row in home.questions()["questions"]}
        assert {name: {r["id"] for r in row["reasons"]} for name, row in listed.items() if row["reasons"]} == fallen
        assert {name for name, row in listed.items() if not row["stands"]} == fallen.keys()
    return len(cited)
