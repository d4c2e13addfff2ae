from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("qsiparc", deadline=None)  # a machine that is busy fails no test
settings.load_profile("qsiparc")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real maps, atlases and label files."""
    root = os.environ.get("QSIPARC_SHARED")
    if not root:
        pytest.skip("QSIPARC_SHARED is not set: the real data are not here")
    return Path(root) / "data"


@pytest.fixture(scope="session", autouse=True)
def _no_mosaics_in_every_build():
    """Many tests build studies; those of the report draw the mosaics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qsiparc.report.MOSAICS", 0)
        yield


@pytest.fixture(scope="module", params=["gzip.GzipFile", "zlib_ng.gzip_ng.GzipNGFile"])
def each_inflater(request):
    """Run a module's tests with every library that can inflate."""
    module, _, name = request.param.rpartition(".")
    inflater = getattr(pytest.importorskip(module), name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qsiparc.inflate.engine", lambda: inflater)
        yield inflater


@pytest.fixture
def passes(monkeypatch):
    """The names of the gzip files whose voxels are read from the start, one for every time."""
    from qsiparc.inflate import Inflation

    begun = []
    original = Inflation.__init__

    def counting(self, stream, **options):
        begun.extend([options["name"]] if options["skip"] else [])  # without: of a header
        original(self, stream, **options)

    monkeypatch.setattr(Inflation, "__init__", counting)
    return begun
