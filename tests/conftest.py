from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real maps, atlases and label files."""
    root = os.environ.get("QSIPARC_SHARED")
    if not root:
        pytest.skip("QSIPARC_SHARED is not set: the real data are not here")
    return Path(root) / "data"
