"""Studies of one's own statistics, and of what counts."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import qsiparc
from qsiparc.catalogue.identity import identity
from qsiparc.cli import main
from qsiparc.cohort import build
from qsiparc.cohort.parts import part_attrs, part_paths, read_part
from qsiparc.errors import OptionError, QsiparcWarning
from qsiparc.tutorial import make_qsirecon

ATLAS = "Brainnetome246Ext"
MODULE = """
import numpy as np


def upper(values):
    "The mean of the upper half."
    return np.sort(values)[values.size // 2 :].mean()
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=2, resolution=8)
    for path in root.rglob("*_dwimap.nii.gz"):
        if not path.name.endswith("ACPC_param-FA_dwimap.nii.gz"):
            path.unlink()
    for path in root.rglob("*_dwimap.json"):
        path.write_text('{"valid_range": [0, 0.9]}')
    return root


@pytest.fixture
def upper(tmp_path, monkeypatch):
    """A function of a module that workers can import."""
    (tmp_path / "of_a_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    import of_a_user

    yield of_a_user.upper
    del sys.modules["of_a_user"]


def made(tree, out, **options):
    """The parts that a build makes, and how each was left."""
    build(tree, out, **{"shard": "1/1", "atlas": ATLAS, "stats": "core", **options})
    return {path.stem: path.stat().st_mtime_ns for path in part_paths(out)}


def cube_of(out):
    return read_part(part_paths(out)[0])[ATLAS].to_dataset()


@pytest.mark.parametrize("workers", [1, 2])
def test_functions_travel_with_the_task(tree, tmp_path, upper, workers):
    qsiparc.register_statistic("upper", upper, unit="map", replace=True)
    try:
        made(tree, tmp_path / "out", stats=["mean", "upper"], executor=workers)
    finally:
        qsiparc.catalogue.registry.REGISTERED.pop("upper")
    cube = cube_of(tmp_path / "out")
    mean, high = cube.value.sel(stat="mean"), cube.value.sel(stat="upper")
    assert bool((high >= mean).where(mean.notnull(), other=True).all())
    assert bool(high.notnull().any())
    told = json.loads(cube.attrs["own_statistics"])["upper"]
    assert told == {
        "unit": "map",
        "summary": "The mean of the upper half",
        "function": identity(upper),
    }


def test_the_tier_all_has_what_is_registered_here(tree, tmp_path, upper):
    qsiparc.register_statistic("upper", upper, replace=True)
    try:
        made(tree, tmp_path / "out", stats="all")
    finally:
        qsiparc.catalogue.registry.REGISTERED.pop("upper")
    stats = cube_of(tmp_path / "out").stat.to_numpy().tolist()
    assert set(qsiparc.catalogue.CATALOGUE) < set(stats)
    assert "upper" in stats


def test_a_function_that_cannot_travel(tree, tmp_path):
    stats = {"largest": lambda values: values.max()}
    for engine in (2, ProcessPoolExecutor(1)):
        with pytest.raises(OptionError, match=r"'largest' cannot be sent.*executor=1"):
            made(tree, tmp_path / "out", stats=stats, executor=engine)
    assert not (tmp_path / "out" / "parts").exists() or not part_paths(tmp_path / "out")
    with ThreadPoolExecutor(2) as threads:
        made(tree, tmp_path / "out", stats=stats, executor=threads)
    assert cube_of(tmp_path / "out").stat.to_numpy().tolist() == ["largest"]


def test_a_function_of_a_script_cannot_travel_either(tree, tmp_path, monkeypatch, upper):
    monkeypatch.setattr(upper, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "upper", upper, raising=False)
    with pytest.raises(OptionError, match="notebook or a script"):
        made(tree, tmp_path / "out", stats={"upper": upper}, executor=2)


def test_what_changes_is_done_again(tree, tmp_path):
    def p(q):
        return {"p": lambda values: np.percentile(values, q)}

    out = tmp_path / "out"
    last = made(tree, out, stats=p(95))
    assert made(tree, out, stats=p(95)) == last
    options = {}
    for more, said in (
        ({"stats": p(99)}, "the function of p is another one"),
        ({"valid_range": (0, 0.8)}, "valid_range was not set, is 0.0 to 0.8"),
        ({"min_voxels": 5}, "min_voxels was not set, is 5"),
        ({"min_coverage": 0.5}, "min_coverage was not set, is 0.5"),
    ):
        options |= more
        with pytest.warns(QsiparcWarning, match=rf"for one: {said}\. "):
            before, last = last, made(tree, out, **options)
        assert all(last[scan] != before[scan] for scan in last)
        assert made(tree, out, **options) == last


def test_what_counts_is_written_down(tree, tmp_path):
    out = tmp_path / "out"
    made(tree, out, valid_range=(None, 0.5), min_coverage=0.25, min_voxels=3, zero_is_missing=True)
    expected = {"zero_is_missing": 1, "valid_max": 0.5, "min_coverage": 0.25, "min_voxels": 3}
    attrs = cube_of(out).attrs
    assert {key: attrs[key] for key in expected} == expected
    assert "valid_min" not in attrs
    told = json.loads(part_attrs(part_paths(out)[0])["options"])
    assert {key: told[key] for key in expected} == expected


def test_the_ranges_of_sidecars(tmp_path):
    tree = make_qsirecon(tmp_path / "qsirecon", n_subjects=1, resolution=8)
    stated = {"FA": {"valid_range": [0, 0.9]}, "md": {"valid_min": 0}}
    kept = {path.name: name for name in stated for path in tree.rglob(f"*_param-{name}_dwimap.*")}
    for path in tree.rglob("*_dwimap.*"):
        if path.name not in kept:
            path.unlink()
        elif path.suffix == ".json":
            path.write_text(json.dumps(stated[kept[path.name]]))
    made(tree, tmp_path / "out")
    told = json.loads(cube_of(tmp_path / "out").attrs["valid_range_of_maps"])
    assert {key.rpartition("-")[2]: value for key, value in told.items()} == {
        "FA": [0, 0.9],
        "md": [0, None],
    }


def test_what_is_no_number_is_told_with_the_scan(tmp_path):
    tree = make_qsirecon(tmp_path / "qsirecon", n_subjects=1, resolution=8)
    for path in tree.rglob("*_dwimap.nii.gz"):
        if not path.name.endswith("ACPC_param-FA_dwimap.nii.gz"):
            path.unlink()
            continue
        fa = qsiparc.open_nifti(path).load()
        fa.where(np.isnan(fa) | (fa == 0), np.inf).parc.to_nifti(path)
    with pytest.warns(qsiparc.errors.QsiparcWarning, match="came with warnings.*FA: voxels that"):
        made(tree, tmp_path / "out")
    (said,) = json.loads(part_attrs(part_paths(tmp_path / "out")[0])["warnings"])
    assert "of the regions, " in said


def test_in_a_shell(tree, tmp_path):
    options = ["--valid-range", "-1", "0.3", "--min-coverage", "0.5", "--min-voxels", "2"]
    folders = [str(tree), str(tmp_path / "out")]
    command = ["build", *options, "-a", ATLAS, *folders, "--shard", "1/1"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    attrs = cube_of(tmp_path / "out").attrs
    found = [attrs[key] for key in ("valid_min", "valid_max", "min_coverage", "min_voxels")]
    assert found == [-1, 0.3, 0.5, 2]
    wrong = CliRunner().invoke(main, ["build", *folders, "--valid-range", "1", "0"])
    assert wrong.exit_code == 2
    assert "the lower one first" in wrong.output


def test_a_value_that_an_option_cannot_have(tree, tmp_path):
    with pytest.raises(OptionError, match="min_coverage"):
        build(tree, tmp_path / "out", min_coverage=50)
    with pytest.raises(OptionError, match="mask_coverage needs a mask"):
        build(tree, tmp_path / "out", stats=["mean", "mask_coverage"])


def test_a_function_that_fails_fails_its_scans(tree, tmp_path):
    with pytest.warns(qsiparc.errors.QsiparcWarning, match=r"'bad' of region .*no luck"):
        made(tree, tmp_path / "out", stats=["mean", {"bad": fails}])


def fails(_):
    raise RuntimeError("no luck")


class TestIdentity:
    def test_code_defaults_and_what_is_enclosed_count(self):
        def of(power, array=(1, 2)):
            return lambda v, root=2: (v**power).sum() ** (1 / root) + array[0]

        first = identity(of(2))
        assert first == identity(of(2))
        others = [identity(of(3)), identity(of(2, (2, 2))), identity(lambda v: v.sum())]
        assert len({first, *others}) == 4

    def test_constants_in_a_nested_function_count(self):
        def one(values):
            return sum(x > 1 for x in values)

        def two(values):
            return sum(x > 2 for x in values)

        two.__qualname__ = one.__qualname__
        assert identity(one) != identity(two)

    def test_partials_methods_builtins_and_objects(self):
        class Above:
            def __init__(self, limit):
                self.limit = limit

            def __call__(self, values):
                return (values > self.limit).mean()

            def share(self, values):
                return self(values)

        things = [
            *(len, max, np.ptp, partial(np.percentile, q=5), partial(np.percentile, q=6)),
            *(Above(1), Above(2), Above(1).share, Above(2).share),
        ]
        assert len({identity(thing) for thing in things}) == len(things)
        assert identity(Above(1)) == identity(Above(1))
        assert identity(partial(np.percentile, q=5)) == identity(partial(np.percentile, q=5))

    def test_the_same_in_another_process(self, upper):
        with ProcessPoolExecutor(1) as pool:
            assert pool.submit(identity, upper).result() == identity(upper)
        assert len(identity(upper)) == 16
