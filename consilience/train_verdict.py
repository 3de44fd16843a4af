"""Fits the numbers of the verdict on questions whose answers are known, and writes them with what they rest on.

    python -m consilience.train_verdict HOME --pubmedqa qa/pubmedqa.jsonl.gz --judges DIR \\
        [--also HOME questions.jsonl ...] --out consilience/reasoning/verdict.v1.json

HOME holds the documents in which PubMedQA's abstracts are found; DIR holds a judge for each fold of it, so that no
question is judged by a model that saw it. `--also` adds questions of another file, in their own home, judged by the
packaged model, which must not have been trained on them. Beside the whole, DIR gets `verdict-N.json` for each fold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from consilience.api import open_home
from consilience.evaluation import datasets, fit_verdict, folds
from consilience.evaluation.fit_verdict import Case
from consilience.home import write_atomically
from consilience.reasoning.weighing import VERSION, Weighing, packaged


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m consilience.train_verdict", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--pubmedqa", type=Path, required=True)
    parser.add_argument("--judges", type=Path, required=True)
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("HOME", "FILE"))
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    start, split = packaged(), folds.load(chosen.judges)
    found = [*_folded(chosen.home, chosen.pubmedqa, split)]
    for home, file in chosen.also:
        found += _others(Path(home), Path(file))
    fold_of = split.of["pubmedqa"]
    for fold, weighing in fit_verdict.crossed(found, fold_of, start).items():
        _write(chosen.judges / f"verdict-{fold}.json", weighing, {"fold": fold})
    whole = fit_verdict.fit(found, start)
    _write(chosen.out, whole, {"fitted_on": fit_verdict.card(found, whole)})


def _folded(home: Path, file: Path, split: folds.Folds) -> Iterator[Case]:
    opened = open_home(home)
    ground = opened.ground()
    asked = [each for each in datasets.questions(file, "pubmedqa") if each.id in split.of["pubmedqa"]]
    return fit_verdict.cases(asked, lambda each: split.ground(ground, "pubmedqa", each.id))


def _others(home: Path, file: Path) -> Iterator[Case]:
    opened = open_home(home)
    asked = [each for each in datasets.questions(file) if each.verdict or each.answer]
    found = fit_verdict.cases(asked, lambda each: opened.ground(each.as_of))
    return (replace(case, counts=case.counts * fit_verdict.OTHERS) for case in found)


def _write(path: Path, weighing: Weighing, card: dict[str, Any]) -> None:
    told = {"version": VERSION, **card, "weighing": weighing.as_json()}
    write_atomically(path, (json.dumps(told, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
