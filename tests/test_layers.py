"""Imports go down the layers, and only pipelines knows Dagster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(command), "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_help_and_schemas_load_no_heavy_module() -> None:
    code = (
        "import sys; from consilience.cli.entry import run\n"
        "assert run(['schema', 'ask']) == 0\n"
        "heavy = {'numpy', 'duckdb', 'pyarrow', 'spacy', 'openvino', 'sklearn'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
