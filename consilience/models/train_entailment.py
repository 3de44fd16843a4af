"""Train the entailment models: `python -m consilience.models.train_entailment --data DIR --out FILE`.

`--model minilm` (the extra `train`; an hour on two cores, minutes on a GPU) or `--model features` (a minute). Data and
licences stand in the cards beside the weights. Courses after the first run side by side, each a process of its own with
one thread: that is faster than all threads for one, and gives its memory back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from consilience.models.crossing import WEIGHTS
from consilience.models.entailment import VERSION

if TYPE_CHECKING:
    from consilience.models.training.courses import Lessons

# Fitted to the predictions of the five folds on PubMedQA and SciFact (`--report` prints it anew).
_TEMPERATURE = 2.02


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write the weights, and with --report print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m consilience.models.train_entailment", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with corpus/, evidence/, kg/ and qa/")
    parser.add_argument("--model", choices=("minilm", "features"), default="minilm")
    parser.add_argument("--out", type=Path, help="file to write; the package's own if left out")
    parser.add_argument("--folds", type=Path, help="folder for the five models that each leave a fifth out")
    parser.add_argument("--report", action="store_true", help="also measure; for minilm five more trainings")
    parser.add_argument("--kept", type=Path, help="folder for what was learnt, from which a stopped run goes on")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    beside = Path(__file__).parent
    if chosen.model == "features":
        from consilience.models.training import features

        features.make(chosen.data, chosen.out or beside / f"entailment.{VERSION}.json", chosen.report)
        return
    out = chosen.out or beside / WEIGHTS
    with TemporaryDirectory() as scratch:
        folds = chosen.folds or Path(scratch)
        kept = chosen.kept or Path(scratch)
        _train(chosen.data, out, folds if chosen.folds or chosen.report else None, kept, chosen.threads)
        if chosen.report:
            told = json.dumps(figures(chosen.data, out, folds), indent=1) + "\n"
            out.with_suffix(".json").write_text(told, encoding="utf-8")
            sys.stdout.write(told)


def _train(data: Path, out: Path, folds: Path | None, kept: Path, threads: int) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    import torch

    from consilience.models.training import courses

    torch.set_num_threads(threads)
    taught = courses.lessons(data)
    kept.mkdir(parents=True, exist_ok=True)
    first = kept / f"first-{_told(taught.first, courses.FIRST)}.pt"
    if not first.is_file():
        _keep(courses.first_course(taught, _tell), first)
    wanted: dict[int | None, Path] = {None: out}
    if folds is not None:
        folds.mkdir(parents=True, exist_ok=True)
        (folds / "folds.json").write_text(courses.told_folds(taught), encoding="utf-8")
        wanted |= {fold: folds / f"fold-{fold}.onnx" for fold in range(courses.FOLDS)}
    spawned = get_context("spawn")  # a fork would share the threads of PyTorch, and hang
    with ProcessPoolExecutor(threads, mp_context=spawned, max_tasks_per_child=1) as pool:
        for course in [pool.submit(_second, taught, first, without, path) for without, path in wanted.items()]:
            course.result()


def _second(taught: Lessons, first: Path, without: int | None, out: Path) -> None:
    """Learn the second course from the first's weights, or take up what is kept of it, and write the model."""
    import torch

    from consilience.models.training import courses
    from consilience.models.training.tuned import export

    torch.set_num_threads(1)
    told = _told(first.name, taught.first, taught.second, taught.fold, without, courses.SECOND)
    learnt = first.parent / f"second-{told}.pt"
    net = courses.untaught()
    net.load_state_dict(torch.load(learnt if learnt.is_file() else first))
    if not learnt.is_file():
        net = courses.second_course(net, taught, without, lambda line: _tell(f"without {without}: {line}"))
        _keep(net, learnt)
    export(net, out, _TEMPERATURE)


def _keep(net: Any, path: Path) -> None:
    import torch

    torch.save(net.state_dict(), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def _told(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def figures(data: Path, out: Path, folds: Path) -> dict[str, object]:
    """The figures of the card: `out` on what nobody trained on, the models of `folds` on what they left out."""
    from consilience.models.crossing import CrossEncoder
    from consilience.models.embedding import MiniLM
    from consilience.models.entailment import FeatureEntailment
    from consilience.models.training import report
    from consilience.models.training.courses import FOLDS

    judges = [CrossEncoder(folds / f"fold-{fold}.onnx") for fold in range(FOLDS)]
    return {
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "temperature": _TEMPERATURE,
        "temperature_left": round(report.heat_left(data, judges), 3),
        "sets": report.rounded(report.table(data, CrossEncoder(out), judges, FeatureEntailment(MiniLM()))),
    }


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
