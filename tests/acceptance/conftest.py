"""The large home that acceptance begins from."""

from __future__ import annotations

import os
import shutil

import pytest

from consilience import Home, open_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the home that CONSILIENCE_ACCEPT_HOME names, brought up to date."""
    kept = os.environ.get("CONSILIENCE_ACCEPT_HOME")
    if not kept:
        pytest.skip("CONSILIENCE_ACCEPT_HOME is not set: there is no large home to begin from")
    folder = tmp_path_factory.mktemp("large") / "home"
    shutil.copytree(kept, folder)
    opened = open_home(folder)
    opened.refresh(offline=True)
    return opened
