from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import qsiparc

HEAVY = {"nibabel", "scipy", "dask", "zarr", "matplotlib", "netCDF4", "distributed"}


def modules_after(code: str) -> set[str]:
    script = f"import sys; {code}; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_costs_what_importing_xarray_costs():
    ours = modules_after("import qsiparc")
    theirs = modules_after("import xarray, importlib.metadata")
    assert not HEAVY & (ours - theirs)
    assert {m for m in ours - theirs if not m.startswith("qsiparc")} <= {"importlib"}
    assert {m for m in ours if m.startswith("qsiparc.")} == {"qsiparc.accessor", "qsiparc.version"}


def test_the_backend_is_found_and_loads_nothing():
    loaded = modules_after("import xarray; xarray.backends.list_engines()['nifti']")
    assert "qsiparc.backend" in loaded
    assert not {"nibabel", "qsiparc.nifti"} & loaded


def test_every_public_name_is_there_and_documented():
    assert sorted(qsiparc.__all__) == qsiparc.__all__
    for name in qsiparc.__all__:
        thing = getattr(qsiparc, name)
        assert name == "__version__" or inspect.getdoc(thing)
    assert set(qsiparc.__all__) <= set(dir(qsiparc))


def test_promised_rooms_are_modules():
    for name in ("extract", "discover", "atlas", "errors", "tutorial"):
        assert inspect.ismodule(getattr(qsiparc, name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = qsiparc.nothing


@pytest.mark.parametrize("kind", [xr.DataArray, xr.Dataset, xr.DataTree])
def test_every_accessor_method_is_documented_and_typed(kind):
    for name, member in inspect.getmembers(kind.parc):
        if name.startswith("_"):
            continue
        assert inspect.getdoc(member), name
        function = member.fget if isinstance(member, property) else member
        assert function.__annotations__.get("return"), name
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        if name != "sel":  # of which any coordinate is a keyword, as of xarray's own
            assert inspect.Parameter.VAR_KEYWORD not in kinds, name


def test_accessors_are_stateless():
    array = xr.DataArray([1.0], dims="x")
    before = vars(array.parc).copy()
    with pytest.raises(ValueError, match="affine"):
        _ = array.parc.affine
    assert vars(array.parc) == before


def test_the_examples_of_the_accessors_run_alone():
    """Each accessor is registered once, also where pytest collects its file and no other."""
    root = Path(qsiparc.__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only"]
    done = subprocess.run(
        [*command, "qsiparc/accessor.py"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
