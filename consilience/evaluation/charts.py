"""Pictures of a result: figures with their intervals, paired differences, single questions, time beside quality.

Drawn by matplotlib, which is an extra: where it is missing there are no pictures, and the report says so. The same
result gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import cycle
from typing import Any, Literal

from consilience.evaluation.bootstrap import TIE

Result = Mapping[str, Any]
Format = Literal["svg", "png"]

MISSING = "There are no pictures: matplotlib is not installed (pip install 'consilience[report]')."
# Okabe and Ito's colours, told apart by colour-blind readers too.
_MAIN, _OTHER, _BAD, _FAINT, _INK = "#0072B2", "#8C8C8C", "#D55E00", "#D9D9D9", "#222222"
_SETTINGS: Any = {
    "svg.hashsalt": "consilience",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "text.parse_math": False,  # a name is no formula
}
_LINES = (_MAIN, _BAD, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", _OTHER)
# What the names of curves' pictures begin with, so that no curve is taken for another picture.
CURVE = "curve-"
_LONGEST = 34
_PANELS = 6
# No retriever: the best there could be is no rival.
_NO_RIVAL = ("ceiling", "random", "random_order", "majority")


def available() -> bool:
    """Whether pictures can be drawn."""
    return find_spec("matplotlib") is not None


def drawn(result: Result, details: Sequence[Mapping[str, Any]], form: Format = "svg") -> dict[str, bytes]:
    """Every picture that this result gives, by name; none without matplotlib."""
    if not available():
        return {}
    pictures: dict[str, Callable[[], Any]] = {
        "figures": lambda: _figures(result),
        "differences": lambda: _differences(result),
        "stages": lambda: _stages(result),
        "questions": lambda: _questions(result, details),
        "time": lambda: _time(result),
        **{CURVE + curve["name"]: partial(_curve, curve)
           for curve in sorted(result.get("curves") or (), key=lambda of: str(of["name"]))},
    }  # fmt: skip
    found = {}
    with _settings():
        for name, draw in pictures.items():
            if (figure := draw()) is not None:
                found[name] = _bytes(figure, form)
    return found


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    # A name in letters the font lacks is drawn as boxes, and that is all.
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def _bytes(figure: Any, form: Format) -> bytes:
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    figure.savefig(buffer, format=form, metadata=metadata, dpi=130, facecolor="white")
    return buffer.getvalue()


def _panels(count: int, rows: int) -> tuple[Any, list[Any]]:
    """Panels side by side, as high as `rows` names need."""
    from matplotlib.figure import Figure

    width = max(4.6, 2.1 + 2.3 * count)
    figure = Figure(figsize=(width, 0.9 + 0.3 * max(rows, 2)), layout="constrained")
    axes = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    return figure, list(axes)


def _figures(result: Result) -> Any:
    """A bar a system for every measure, with its interval."""
    systems = {result["system"]: result["measures"], **result["baselines"]}
    measures = [name for name, of in result["measures"].items() if of["value"] is not None][:_PANELS]
    if not measures:
        return None
    figure, axes = _panels(len(measures), len(systems))
    for axis, measure in zip(axes, measures, strict=True):
        for at, (name, own) in enumerate(systems.items()):
            if (of := own.get(measure)) and of["value"] is not None:
                shade = _MAIN if name == result["system"] else _FAINT if name in _NO_RIVAL else _OTHER
                axis.barh(at, of["value"], height=0.66, color=shade)
                axis.plot(_ends(of), [at, at], color=_INK, linewidth=1.4, solid_capstyle="butt")
                axis.annotate(f"{of['value']:.3f}", (max(_ends(of)), at), xytext=(4, 0), textcoords="offset points",
                              va="center", fontsize=8, color=_INK)  # fmt: skip
        tops = [_ends(own[measure])[1] for own in systems.values() if _known(own.get(measure))]
        axis.set_xlim(min(0, *tops), max(tops) * 1.28 or 1)
        axis.set_title(measure)
        _rows(axis, list(systems))
    return figure


def _rows(axis: Any, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), [_short(name) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="#E6E6E6", linewidth=0.7)
    axis.locator_params(axis="x", nbins=4)


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _differences(result: Result) -> Any:
    """How much higher the main system is than every rival, with the interval of the paired difference."""
    rivals = [name for name in result["baselines"] if name not in _NO_RIVAL]
    gains = {name: {m: of["difference"] for m, of in result["baselines"][name].items() if of.get("difference")}
             for name in rivals}  # fmt: skip
    measures = [name for name in result["measures"] if any(_known(own.get(name)) for own in gains.values())]
    if not measures or result.get("stages"):
        return None
    figure, axes = _panels(len(measures[:_PANELS]), len(rivals))
    for axis, measure in zip(axes, measures, strict=False):
        axis.set_title(f"{measure}: {_short(result['system'])} minus …")
        _forest(axis, {name: own.get(measure) for name, own in gains.items()})
    return figure


def _known(figure: Mapping[str, Any] | None) -> bool:
    return bool(figure and figure["value"] is not None)


def _ends(figure: Mapping[str, Any]) -> Sequence[float]:
    """Where its interval ends; at the figure itself where there is none."""
    return figure["ci95"] or [figure["value"]] * 2


def _forest(axis: Any, gains: Mapping[str, Mapping[str, Any] | None]) -> None:
    axis.axvline(0, color=_INK, linewidth=0.8)
    for at, gain in enumerate(gains.values()):
        if gain and gain["value"] is not None:
            low, high = _ends(gain)
            shade = _OTHER if not gain["ci95"] else _MAIN if low > 0 else _BAD if high < 0 else _OTHER
            axis.plot([low, high], [at, at], color=shade, linewidth=2.2, solid_capstyle="butt")
            axis.plot([gain["value"]], [at], "o", color=shade, markersize=5.5)
    edge = max((abs(end) for gain in gains.values() if gain and _known(gain) for end in _ends(gain)), default=0) or 1
    axis.set_xlim(-1.1 * edge, 1.1 * edge)
    _rows(axis, list(gains))


def _stages(result: Result) -> Any:
    """What every stage gains, set by set and pooled."""
    rows = result.get("stages") or []
    if not rows:
        return None
    columns = ["pooled", *rows[0]["sets"]][:_PANELS]
    figure, axes = _panels(len(columns), len(rows))
    for axis, column in zip(axes, columns, strict=True):
        gains = {row["stage"]: row["pooled"] if column == "pooled" else row["sets"][column] for row in rows}
        axis.set_title(f"gain, {_short(column)}")
        _forest(axis, gains)
    return figure


def _questions(result: Result, details: Sequence[Mapping[str, Any]]) -> Any:
    """How single questions fare: how many come out how well, and how often which of two systems is better."""
    from matplotlib.figure import Figure

    measure = next(iter(result["measures"]), "")
    rival = _rival(result, measure)
    main = result["system"]
    pairs = [
        (own[main][measure], own[rival][measure]) for own in (detail.get("measures") or {} for detail in details)
        if measure in own.get(main, {}) and measure in own.get(rival, {})
    ] if rival else []  # fmt: skip
    if len(pairs) < 2:
        return None
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    ours, theirs = ([pair[at] for pair in pairs] for at in (0, 1))
    top = max(*ours, *theirs, 1e-9)
    left.hist([ours, theirs], bins=[top * step / 10 for step in range(11)], color=[_MAIN, _OTHER],
              label=[_short(main), _short(rival)])  # fmt: skip
    left.set(xlabel=f"{measure} of a question", ylabel="questions")
    left.legend(frameon=False, fontsize=8)
    left.set_title(f"{len(pairs)} questions by {measure}")
    gains = sorted((a - b for a, b in pairs if abs(a - b) > TIE), reverse=True)
    better = sum(gain > 0 for gain in gains)
    right.bar(range(len(gains)), gains, width=1.0, color=[_MAIN if gain > 0 else _BAD for gain in gains])
    right.axhline(0, color=_INK, linewidth=0.8)
    right.set(xlabel=f"the {len(gains)} questions that differ", ylabel=f"difference in {measure}")
    right.set_title(f"{_short(main)} better on {better}, worse on {len(gains) - better}, than {_short(rival)}")
    return figure


def _rival(result: Result, measure: str) -> str:
    """The best of the other systems."""
    found = {name: own[measure]["value"] for name, own in result["baselines"].items()
             if name not in _NO_RIVAL and _known(own.get(measure))}  # fmt: skip
    return max(found, key=found.__getitem__, default="")


def _time(result: Result) -> Any:
    """The first measure beside the median seconds a question; the line ends at the 95th percentile."""
    from matplotlib.figure import Figure

    measure = next(iter(result["measures"]), "")
    systems = {result["system"]: result["measures"], **result["baselines"]}
    used = result["usage"].get("systems", {})
    shown = {
        name: (used[name]["p50"] * 1000, used[name]["p95"] * 1000, own[measure])
        for name, own in systems.items()
        if name not in _NO_RIVAL and _known(own.get(measure)) and used.get(name, {}).get("p50", 0) > 0
    }
    if len(shown) < 2:
        return None
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.set_xscale("log")
    for name, (median, slow, of) in shown.items():
        shade = _MAIN if name == result["system"] else _OTHER
        axis.plot([median, median], _ends(of), color=shade, linewidth=1.6)
        axis.plot([median, slow], [of["value"]] * 2, color=shade, linewidth=1.0, linestyle=(0, (2, 2)))
        axis.plot([median], [of["value"]], "o", color=shade, markersize=6)
        axis.annotate(_short(name), (median, of["value"]), xytext=(6, 5), textcoords="offset points", fontsize=8.5)
    least, most = min(m for m, _, _ in shown.values()), max(s for _, s, _ in shown.values())
    axis.set_xlim(least / 1.6, most * 2.2)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter("")
    axis.grid(color="#E6E6E6", linewidth=0.7)
    axis.set(xlabel="milliseconds a question: median (dot) to 95th percentile", ylabel=measure)
    return figure


def _curve(curve: Mapping[str, Any]) -> Any:
    """Lines through points (x, y), with their intervals where points have four numbers (x, y, low, high)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axis = figure.subplots()
    if curve.get("diagonal"):
        axis.plot([0, 1], [0, 1], color=_FAINT, linewidth=1.2)
    for (name, points), shade in zip(curve["series"].items(), cycle(_LINES), strict=False):
        across, up = ([point[at] for point in points] for at in (0, 1))
        axis.plot(across, up, "o-", color=shade, markersize=4, linewidth=1.6, label=_short(name))
        if all(len(point) == 4 for point in points):
            axis.fill_between(across, [p[2] for p in points], [p[3] for p in points], color=shade, alpha=0.12,
                              linewidth=0)  # fmt: skip
    axis.set(xlabel=curve["x"], ylabel=curve["y"])
    axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
    axis.grid(color="#E6E6E6", linewidth=0.7)
    axis.legend(frameon=False, fontsize=8)
    return figure
