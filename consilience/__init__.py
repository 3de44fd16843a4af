"""Evidence synthesis that can be checked: dated claims, verbatim quotes, independent chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consilience.api import Home, init_home, new_review, open_home, open_review, restore_home

__all__ = ["Home", "init_home", "new_review", "open_home", "open_review", "restore_home"]


def __getattr__(name: str) -> object:
    # Loaded when first asked for, so that `consilience --help` starts without numpy or DuckDB.
    if name in __all__:
        from consilience import api

        return getattr(api, name)
    raise AttributeError(f"module 'consilience' has no attribute {name!r}")
