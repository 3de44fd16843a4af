"""Broken guideline files, at random but always the same ones: read, quarantined or refused, never a crash."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from consilience.corpora import guidelines
from consilience.errors import ConsilienceError

FIXTURES = Path(__file__).parent / "fixtures" / "guidelines"
ODD: list[Any] = [None, "", 0, -1.5, True, [], {}, [[]], [{}], {"a": [1]}, "x" * 300, "<p>", "\u202e", "2021-13-99"]


def read(path: Path) -> None:
    try:
        for item in guidelines.read(path):
            assert item is not None
    except ConsilienceError as error:
        assert error.where == path.name and error.expected


def places(body: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every place of a JSON tree at which a value can be put."""
    for key in list(body) if isinstance(body, dict) else range(len(body)):
        found.append((body, key))
        if isinstance(body[key], dict | list):
            places(body[key], found)
    return found


@pytest.mark.parametrize("name", ["rest.magicapp.json", "rest.fhir.json"])
def test_json_with_values_of_the_wrong_kind(tmp_path: Path, name: str) -> None:
    draw, path, text = random.Random(1), tmp_path / "g.json", (FIXTURES / name).read_text()
    for _ in range(150):
        body = json.loads(text)
        for holder, key in draw.sample(places(body, []), 2):
            holder[key] = draw.choice(ODD)
        path.write_text(json.dumps(body))
        read(path)


@pytest.mark.parametrize("name", ["rest.html", "rest.nxml", "heart.xml", "rest.fsh", "rest.magicapp.json"])
def test_files_with_pieces_cut_out_doubled_or_overwritten(tmp_path: Path, name: str) -> None:
    draw, path, whole = random.Random(2), tmp_path / name, (FIXTURES / name).read_bytes()
    for _ in range(100):
        start, length = draw.randrange(len(whole)), draw.randrange(1, 200)
        piece = whole[start : start + length]
        instead = draw.choice(
            [b"", piece * 2, bytes(draw.choices(range(256), k=5)), b"<", b'"', b"/*", b'"""', b"* a[+]"]
        )
        path.write_bytes(whole[:start] + instead + whole[start + length :])
        read(path)
