"""A study's archive: every number is where its labels say, however it was cut into pieces."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr
from made_study import REGIONS, STATS, copy, cube, failure, number, put

import qsiparc
from qsiparc.cohort import blocks, longwriter, zarrwriter
from qsiparc.cohort.assemble import finalize
from qsiparc.cohort.layout import survey
from qsiparc.cube import text
from qsiparc.errors import CubeError

MISSING, FAILED = 1, 2


@pytest.fixture
def out(tmp_path):
    """Three scans: one with two atlases, one with a failure, one of which there is nothing."""
    folder = tmp_path / "out"
    put(folder, "sub-2", {"A": cube("sub-2", ("MD", "FA"), failed=["MD"])})
    put(
        folder,
        "sub-1_ses-1",
        {"A": cube("sub-1_ses-1", ("FA",)), "B": cube("sub-1_ses-1", ("FA", "ICVF"))},
    )
    put(folder, "sub-3", {}, failures=[failure("sub-3", atlas="A")])
    return folder


def assert_right(tree):
    """Every value is its own, or NaN where status says so."""
    for node in tree.children.values():
        ds = node.to_dataset().load()
        for scan in ds["subject"].to_numpy().tolist():
            for scalar in ds["scalar"].to_numpy().tolist():
                one = ds.sel(subject=scan, scalar=scalar)
                expected = [[number(scan, scalar, r, s) for s in STATS] for r, _, _ in REGIONS]
                if one["status"].item():
                    assert np.isnan(one["value"]).all()
                else:
                    np.testing.assert_array_equal(one["value"], expected)


def test_everything_is_where_its_labels_say(out):
    tree = finalize(out)
    assert list(tree.children) == ["A", "B"]
    a, b = tree["A"].to_dataset(), tree["B"].to_dataset()
    for ds in (a, b):
        assert ds["value"].dims == ("region", "stat", "scalar", "subject")
        assert ds["subject"].to_numpy().tolist() == ["sub-1_ses-1", "sub-2", "sub-3"]
        assert ds["participant_id"].to_numpy().tolist() == ["sub-1", "sub-2", "sub-3"]
        assert ds["session_id"].to_numpy().tolist() == ["ses-1", "", ""]
        assert ds["region"].to_numpy().tolist() == [3, 1, 7]
        assert ds["region_name"].to_numpy().tolist() == ["LH_Vis", "RH_Vis", "Stem"]
    assert a["scalar"].to_numpy().tolist() == ["FA", "MD"]
    assert b["scalar"].to_numpy().tolist() == ["FA", "ICVF"]
    assert a["param"].to_numpy().tolist() == ["fa", "md"]
    assert a["status"].to_numpy().tolist() == [[0, 0, FAILED], [MISSING, FAILED, FAILED]]
    assert b["status"].to_numpy().tolist() == [[0, MISSING, MISSING]] * 2
    files = [["sub-1_ses-1_FA.nii.gz", "sub-2_FA.nii.gz", ""], ["", "sub-2_MD.nii.gz", ""]]
    assert a["map_file"].to_numpy().tolist() == files
    assert a["dseg_file"].to_numpy().tolist() == [
        "sub-1_ses-1_dseg.nii.gz",
        "sub-2_dseg.nii.gz",
        "",
    ]
    assert_right(tree)


@pytest.mark.parametrize(
    ("n_scans", "room", "chunk"),
    [(1, 1, 512), (7, 1, 1), (7, 1, 3), (7, 200, 3), (7, 200, 512), (7, 10**6, 3)],
)
def test_the_pieces_do_not_matter(tmp_path, monkeypatch, n_scans, room, chunk):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", room)
    monkeypatch.setattr(blocks, "CHUNK", chunk)
    for n in range(n_scans):
        scalars = ("FA", "MD", "ICVF")[: 1 + n % 3]
        put(tmp_path, f"sub-{n}", {"A": cube(f"sub-{n}", scalars[::-1])})
    tree = finalize(tmp_path, netcdf=True)
    assert_right(tree)
    with xr.open_datatree(tmp_path / "qsiparc.nc", engine="netcdf4") as again:
        assert_right(again)
        assert again.attrs == {"qsiparc_archive": 1}
        xr.testing.assert_equal(again.load(), tree.load())
    ok = tree["A"]["status"] == 0
    expected = [
        [f"sub-{n}_{m}.nii.gz" if good else "" for n, good in enumerate(row)]
        for m, row in zip(tree["A"]["scalar"].to_numpy().tolist(), ok.to_numpy(), strict=True)
    ]
    assert tree["A"]["map_file"].to_numpy().tolist() == expected


def test_plain_xarray_opens_it_without_a_word(out):
    tree = finalize(out)
    code = (
        "import sys, xarray as xr\n"
        "tree = xr.open_datatree(sys.argv[1], engine='zarr').load()\n"
        "assert not any(name.startswith('qsiparc') for name in sys.modules)\n"
        "print(tree['A'].value.sel(subject='sub-2', scalar='FA', region=7, stat='mean').item())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(out / "qsiparc.zarr")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == number("sub-2", "FA", 7, "mean")
    # numcodecs says of its own import, with the oldest zarr, that crc32c is deprecated
    assert not [
        line
        for line in done.stderr.splitlines()
        if "crc32c" not in line and "checksum32" not in line
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = xr.open_datatree(out / "qsiparc.zarr", engine="zarr").load()
    xr.testing.assert_identical(plain, tree.load())
    texts = ("subject", "scalar", "region_name", "units", "map_file", "dseg_file")
    assert all(plain["A"][name].dtype == np.dtypes.StringDType() for name in texts)
    assert plain["A"]["status"].dtype == np.int8
    assert plain["A"]["status"].attrs["flag_values"] == [0, 1, 2]
    assert plain["A"]["status"].attrs["flag_meanings"] == "ok missing failed"


def test_attributes_are_plain_and_do_not_grow_with_the_study(tmp_path):
    sizes = []
    for n in range(6):
        put(tmp_path, f"sub-{n}")
        attrs = finalize(tmp_path)["A"].attrs
        assert all(isinstance(value, str | int | float) for value in attrs.values())
        sizes.append(len(attrs["provenance"]))
    assert sizes[-1] == sizes[0]
    assert attrs["atlas"] == "A"
    assert attrs["zero_is_missing"] == 0
    assert attrs["generated_by"] == f"qsiparc {qsiparc.__version__}"
    assert json.loads(attrs["provenance"]) == {
        "scans": 6,
        "parts_by": {"qsiparc 0.0.1": 6},
        "options": [{"scans": 6, "options": {"stats": "core", "zero_is_missing": False}}],
    }


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_chunks_serve_both_ways_of_reading(tmp_path, monkeypatch, zarr_format):
    monkeypatch.setattr(blocks, "CHUNK", 4)
    for n in range(6):
        put(tmp_path, f"sub-{n}")
    finalize(tmp_path, zarr_format=zarr_format)
    group = zarr.open_group(tmp_path / "qsiparc.zarr", path="A", mode="r")
    assert group.metadata.zarr_format == zarr_format
    assert group["value"].chunks == (3, 1, 1, 3)
    assert group["value"].shards is None
    assert group["map_file"].chunks == (2, 3)
    for name, array in group.arrays():
        assert array.chunks == array.shape or name in {"value", "map_file"}
    files = [path for path in (tmp_path / "qsiparc.zarr").rglob("*") if path.is_file()]
    # two stats, two scalars and two blocks of subjects; then the coordinates, and their chunk lists
    assert len(files) < 8 + 4 * 20


def test_ten_thousand_subjects_are_no_million_files(tmp_path, monkeypatch):
    n_scans = 10_000
    study = survey([put(tmp_path, "sub-0")])
    layout = study.atlases["A"]
    coords = {
        name: (dim, np.resize(values, n_scans) if dim == "subject" else values)
        for name, (dim, values) in layout.coords.items()
    }
    coords["subject"] = ("subject", text([f"sub-{n:05}" for n in range(n_scans)]))
    status = np.zeros((len(layout.names("scalar")), n_scans), np.int8)
    large = replace(layout, coords=coords, status=status)

    def filled(_, large):
        numbers = np.random.default_rng(1).random(large.shape)
        names = np.full(large.shape[2:], "sub-00000_FA.nii.gz", object)
        for start in range(0, n_scans, 500):
            where = (*(slice(0, n) for n in large.shape[:3]), slice(start, start + 500))
            texts = dict.fromkeys(large.files, names[where[2:]])
            yield blocks.Block(where, numbers[where], texts)

    monkeypatch.setattr(zarrwriter, "blocks", filled)
    zarrwriter.write_zarr(replace(study, atlases={"A": large}), tmp_path / "large.zarr")
    group = tmp_path / "large.zarr" / "A"
    chunks = [path for path in (group / "value" / "c").rglob("*") if path.is_file()]
    assert len(chunks) == len(STATS) * 2 * 20  # of a statistic and a scalar
    others = [path for path in group.rglob("*") if path.is_file() and path not in chunks]
    assert len(others) < 100
    of_ten_atlases_eight_statistics_and_forty_scalars = 10 * (8 * 40 * 20 + 100)
    assert of_ten_atlases_eight_statistics_and_forty_scalars < 70_000
    cube = xr.open_datatree(tmp_path / "large.zarr", engine="zarr")["A"]
    assert cube["value"].sel(subject="sub-09999", scalar="MD", stat="mean").notnull().all()


def test_format_2_holds_the_same(out):
    three = finalize(out).load()
    two = finalize(out, zarr_format=2).load()
    xr.testing.assert_equal(two, three)
    assert_right(two)
    assert two["A"]["map_file"].to_numpy()[0, 0] == "sub-1_ses-1_FA.nii.gz"


@pytest.mark.parametrize(("more", "also"), [(160, ""), (64, "netcdf"), (64, "parquet")])
def test_memory_does_not_grow_with_the_number_of_scans(tmp_path, monkeypatch, more, also):
    if also == "parquet":
        pytest.importorskip("pyarrow")
    regions = [(n, f"R{n}", "L") for n in range(600)]
    scalars = ("FA", "MD", "ICVF", "RTOP")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 700_000)
    monkeypatch.setattr(blocks, "CHUNK", 32)
    monkeypatch.setattr(longwriter, "ROWS", 2_400)

    def peak(n_scans):
        out = tmp_path / str(n_scans)
        first = put(out, "sub-0", {"A": cube("sub-0", scalars, regions=regions)})
        for n in range(1, n_scans):
            copy(first, f"sub-{n}")
        # The lesser of two: Python's table of interned strings, which a long run of tests has
        # filled, may double in one of them.
        return min(peak_once(out), peak_once(out))

    def peak_once(out):
        gc.collect()  # what other tests left behind is not to be collected meanwhile
        tracemalloc.start()
        try:
            finalize(out, netcdf=also == "netcdf", parquet=also == "parquet", report=False)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(4)  # what is imported and cached, is
    few, many = peak(32), peak(32 + more)
    numbers_of_more_scans = more * len(regions) * len(scalars) * len(STATS) * 8
    assert many - few < numbers_of_more_scans / 4


def test_a_study_grows_and_shrinks_with_its_parts(tmp_path):
    put(tmp_path, "sub-2")
    first = finalize(tmp_path).load()
    put(tmp_path, "sub-1", {"A": cube("sub-1", ("ICVF", "FA"))})
    both = finalize(tmp_path)
    assert both["A"]["scalar"].to_numpy().tolist() == ["ICVF", "FA", "MD"]
    assert_right(both)
    (tmp_path / "parts" / "sub-1.nc").unlink()
    xr.testing.assert_identical(finalize(tmp_path).load(), first)


class TestACrash:
    def test_leaves_the_archive_from_before(self, out, monkeypatch):
        before = finalize(out, netcdf=True).load()
        put(out, "sub-9")

        def stop(*_, **__):
            raise KeyboardInterrupt

        for target in ("zarrwriter", "netcdfwriter"):
            with monkeypatch.context() as patch:
                patch.setattr(f"qsiparc.cohort.{target}.blocks", stop)
                with pytest.raises(KeyboardInterrupt):
                    finalize(out, netcdf=True)
            if target == "zarrwriter":
                xr.testing.assert_identical(qsiparc.open(out).load(), before)
            else:
                with xr.open_datatree(out / "qsiparc.nc", engine="netcdf4") as old:
                    xr.testing.assert_equal(old.load(), before)
        assert not list(out.glob(".qsiparc-*"))

    @pytest.mark.parametrize("between_renames", [False, True])
    def test_by_kill_is_cleared_up(self, out, between_renames):
        before = finalize(out).load()
        where = "_replace" if between_renames else "_flush"
        code = (
            "import os, signal, sys, pathlib\n"
            "import qsiparc.atomic as atomic\n"
            "from qsiparc.cohort.assemble import finalize\n"
            "def kill(path, *_):\n"
            "    if path.name == 'qsiparc.zarr':\n"
            "        if 'between' in sys.argv: path.rename(_[1])\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            f"atomic.{where} = kill\n"
            "finalize(sys.argv[1])\n"
        )
        argv = [sys.executable, "-c", code, str(out), "between" if between_renames else ""]
        done = subprocess.run(argv, capture_output=True, check=False)
        assert done.returncode == -9, done.stderr
        assert len(list(out.glob(".qsiparc-*"))) == 1
        assert (out / "qsiparc.zarr").exists() != between_renames
        again = finalize(out).load()
        xr.testing.assert_identical(again, before)
        assert not list(out.glob(".qsiparc-*"))

    @pytest.mark.parametrize(
        "change",
        [lambda cube: cube.sel(scalar=["MD"]), lambda cube: cube.assign(value=cube["value"] + 1)],
    )
    def test_a_part_that_changes_meanwhile_is_noticed(self, out, monkeypatch, change):
        """Also when labels are the same, so that numbers of two builds never stand side by side."""
        before = finalize(out).load()
        read = blocks.read_values

        def rebuilt(path, *which):
            monkeypatch.setattr(blocks, "read_values", read)
            put(out, path.stem, {"A": change(cube(path.stem))})
            return read(path, *which)

        monkeypatch.setattr(blocks, "read_values", rebuilt)
        with pytest.raises(CubeError, match=r"sub-1_ses-1\.nc has changed.*qsiparc finalize"):
            finalize(out)
        xr.testing.assert_identical(qsiparc.open(out).load(), before)


def test_two_at_once_do_not_disturb_each_other(out):
    expected = finalize(out).load()
    code = (
        "import sys\n"
        "from qsiparc.cohort.assemble import finalize\n"
        "for _ in range(3): finalize(sys.argv[1], netcdf=True)\n"
    )
    argv = [sys.executable, "-W", "error", "-c", code, str(out)]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(2)]
    for process in running:
        _, said = process.communicate()
        assert process.returncode == 0, said
    xr.testing.assert_identical(qsiparc.open(out).load(), expected)
    assert not list(out.glob(".qsiparc-*"))


def test_each_atlas_names_its_own_label_images(tmp_path):
    for scan, atlases in (("sub-01", "AB"), ("sub-02", "B"), ("sub-03", "AB")):
        cubes = {
            atlas: cube(scan).assign_coords(dseg_file=("subject", text([f"{scan}_{atlas}.nii.gz"])))
            for atlas in atlases
        }
        put(tmp_path / "out", scan, cubes)
    study = qsiparc.finalize(tmp_path / "out", netcdf=True, report=False)
    with qsiparc.open(tmp_path / "out" / "qsiparc.nc") as same:
        for tree in (study, same):
            named = {atlas: tree[atlas]["dseg_file"].to_numpy().tolist() for atlas in "AB"}
            assert named == {
                "A": ["sub-01_A.nii.gz", "", "sub-03_A.nii.gz"],
                "B": [f"{scan}_B.nii.gz" for scan in ("sub-01", "sub-02", "sub-03")],
            }
