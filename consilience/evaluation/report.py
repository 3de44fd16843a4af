"""Results told: a Markdown table and a JSON file, in a folder named by what they say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from consilience.records import canonical_json, sha256


def write(result: Mapping[str, Any], details: Iterable[Mapping[str, Any]], runs: Path) -> Path:
    """Writes `report.md`, `report.json` and `details.jsonl` under `runs/<suite>-<hash>/`, whole or not at all.

    The hash is over everything but `usage` and `provenance.snapshot`; a folder that stands already says the same and
    is left as it is.
    """
    folder = runs / f"{result['suite']}-{sha256(canonical_json(canonical(result)))[:12]}"
    if folder.is_dir():
        return folder
    runs.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".draft-", dir=runs))
    try:
        _save(draft / "report.json", json.dumps(result, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
        _save(draft / "report.md", markdown(result))
        _save(draft / "details.jsonl", "".join(canonical_json(detail) + "\n" for detail in details))
        draft.chmod(0o755)
        _settle(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _save(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _settle(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # Another run said the same thing first; anything else is a real failure.
        if not folder.is_dir():
            raise


def canonical(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result without what differs between equal runs."""
    provenance = {key: value for key, value in result["provenance"].items() if key != "snapshot"}
    kept = {key: value for key, value in result.items() if key not in ("usage", "known_at")}
    return {**kept, "provenance": provenance}


def markdown(result: Mapping[str, Any]) -> str:
    """The report as a page: figures, paired differences, what was left out, numbers to hold, provenance, usage."""
    parts = [
        [f"# {result['suite']}", "", f"{result['data']}, n = {result['n']}; 95 % intervals by bootstrap."],
        _figures(result),
        _differences(result),
        _groups(result),
        _listed("Left out", [f"{name}: {reason}" for name, reason in result["skipped"].items()]),
        _listed("Warnings", result["warnings"]),
        _listed("Numbers to hold", [_held(hold) for hold in result["holds"]]),
        _listed("Provenance", [f"{key}: {canonical_json(value)}" for key, value in _sorted(result["provenance"])]),
        _listed("Usage", [f"{key}: {canonical_json(value)}" for key, value in _sorted(result["usage"])]),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _sorted(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(mapping.items())


def _figures(result: Mapping[str, Any]) -> list[str]:
    systems = {result["system"]: result["measures"], **result["baselines"]}
    names = list(result["measures"])
    return _table("system", names, {name: [_cell(own.get(m)) for m in names] for name, own in systems.items()})


def _differences(result: Mapping[str, Any]) -> list[str]:
    names = list(result["measures"])
    table = {
        name: [_cell(own.get(m, {}).get("difference"), signed=True) for m in names]
        for name, own in result["baselines"].items()
    }
    return [f"## {result['system']} minus", "", *_table("system", names, table)] if table else []


def _groups(result: Mapping[str, Any]) -> list[str]:
    groups: Mapping[str, Any] = result.get("groups") or {}
    names = list(result["measures"])
    table = {group: [_cell(own.get(m)) for m in names] for group, own in groups.items()}
    return ["## By group", "", *_table("group", names, table)] if table else []


def _table(corner: str, columns: Sequence[str], body: Mapping[str, Sequence[str]]) -> list[str]:
    head = [_row([corner, *columns]), _row(["---", *["---:"] * len(columns)])]
    return head + [_row([name, *cells]) for name, cells in body.items()]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_inline(cell) for cell in cells) + " |"


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _cell(figure: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    if not figure or figure["value"] is None:
        return ""
    form = "{:+.3f}" if signed else "{:.3f}"
    low, high = figure["ci95"]
    return f"{form.format(figure['value'])} [{form.format(low)}, {form.format(high)}]"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {_inline(item)}" for item in items)] if items else []


def _held(hold: Mapping[str, Any]) -> str:
    word = {True: "held", False: "NOT HELD", None: "not checked: other questions, or not measured"}[hold["held"]]
    return f"{hold['system']} {hold['measure']}: {hold['found']} against {hold['value']} ± {hold['tolerance']}, {word}"
