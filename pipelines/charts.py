"""Bars for Dagster's pages: a small SVG inside Markdown, so that no plotting library is needed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape

LONGEST = 15
_ROW, _LABEL, _WIDTH, _VALUE = 22, 220, 300, 90


def bars(counts: Mapping[str, float], title: str) -> str:
    """A bar for each count in the order given, at most 15, as a Markdown image: `![title](data:image/svg+xml;…)`."""
    shown = dict(list(counts.items())[:LONGEST])
    top = max(shown.values(), default=0) or 1
    rows = "".join(_bar(at, name, count, count / top) for at, (name, count) in enumerate(shown.items(), start=1))
    hidden = len(counts) - len(shown)
    text = f"{title} ({hidden} more not shown)" if hidden else title
    size = f'width="{_LABEL + _WIDTH + _VALUE}" height="{_ROW * (len(shown) + 1) + 6}"'
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="16" font-weight="bold" fill="#222">{escape(text)}</text>{rows}</svg>'
    )
    return f"![{title}](data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()})"


def _bar(at: int, name: str, count: float, share: float) -> str:
    y, length = at * _ROW, round(max(share, 0) * _WIDTH, 1)
    label = name if len(name) <= 32 else f"{name[:31]}…"
    return (
        f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end" fill="#222">{escape(label)}</text>'
        f'<rect x="{_LABEL}" y="{y + 4}" width="{length}" height="{_ROW - 8}" fill="#4f6bed"/>'
        f'<text x="{_LABEL + length + 6}" y="{y + 16}" fill="#222">{count:,}</text>'
    )
