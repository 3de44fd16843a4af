"""README says what the commands do: its transcript is what they print, and every command is in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"<!-- transcript -->\n(.*?)<!-- /transcript -->", re.DOTALL)
QUESTION = "Does intensive insulin therapy reduce mortality in critically ill patients?"
LATER = "Should hydroxychloroquine be used in hospitalised patients with COVID-19?"
COMMANDS = [
    "consilience init my-home",
    "consilience ingest pubmed my-home/corpora/sample/pubmed26n0001.xml.gz --home my-home",
    "consilience ingest guidelines my-home/corpora/sample/guidelines.jsonl --home my-home",
    "consilience refresh --home my-home",
    f'consilience ask "{QUESTION}" --as-of 2003 --home my-home',
    f'consilience ask "{QUESTION}" --as-of 2012 --home my-home',
    "consilience graph history flecainide affects --home my-home",
    f'consilience ask "{LATER}" --as-of 2020-05-31 --save hcq --home my-home',
    "export CONSILIENCE_NOW=2026-02-01T00:00:00Z    # a month later, PubMed's update",
    "consilience ingest pubmed my-home/corpora/sample/pubmed26n0002.xml.gz --home my-home",
    "consilience refresh --home my-home",
    "consilience questions --home my-home",
    "consilience changes --since 2026-01-31 --limit 2 --home my-home",
]


def transcript(folder: Path) -> str:
    """What the commands print in an empty folder with the clock at 2026-01-01 and, later, at 2026-02-01."""
    here = Path(sys.executable).parent
    surroundings = {
        **os.environ,
        "PATH": f"{here}:{os.environ['PATH']}",
        "CONSILIENCE_NOW": "2026-01-01T00:00:00Z",
        "COLUMNS": "110",
    }
    told = []
    for command in COMMANDS:
        if command.startswith("export "):
            surroundings["CONSILIENCE_NOW"] = command.split()[1].partition("=")[2]
            told.append(f"$ {command}\n")
            continue
        done = subprocess.run(
            command, shell=True, cwd=folder, env=surroundings, capture_output=True, text=True, check=True
        )
        told.append(f"$ {command}\n{done.stdout}")
    return "```console\n" + "\n".join(told) + "```\n"


def test_the_transcript_is_what_the_commands_print(tmp_path: Path) -> None:
    printed = transcript(tmp_path)
    text = README.read_text("utf-8")
    if os.environ.get("CONSILIENCE_WRITE_TRANSCRIPT"):
        text = BLOCK.sub(lambda _: f"<!-- transcript -->\n{printed}<!-- /transcript -->", text)
        README.write_text(text, "utf-8")
    found = BLOCK.search(text)
    assert found
    # The snapshot's name depends on nothing here, but bf16 and f32 processors may round a cosine differently.
    assert found.group(1) == printed


def leaf_commands() -> list[str]:
    from typer.main import get_command

    from consilience.cli.commands import app

    found = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found += [f"{name} {sub}" for sub in inner] or [name]
    return found


@pytest.mark.parametrize("command", leaf_commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    text = README.read_text("utf-8")
    first, *rest = command.split()
    assert re.search(rf"`{first}\b", text), command
    for word in rest:
        assert word in text, command


@pytest.mark.parametrize("command", leaf_commands())
def test_every_command_has_help(command: str) -> None:
    cli = Path(sys.executable).with_name("consilience")
    done = subprocess.run([str(cli), *command.split(), "--help"], capture_output=True, text=True, check=True)
    assert len(done.stdout) > 100
