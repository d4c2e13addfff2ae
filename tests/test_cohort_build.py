from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import qsiparc
from qsiparc.cohort import build
from qsiparc.cohort.fingerprint import why_to_do
from qsiparc.cohort.parts import part_attrs, part_paths, read_part, write_part
from qsiparc.errors import (
    BuildError,
    OptionError,
    QsiparcWarning,
    SelectionError,
    UnknownStatisticError,
)
from qsiparc.tutorial import make_qsirecon

SCANS = ["sub-001_ses-01", "sub-002_ses-01", "sub-003_ses-01"]
NATIVE = "sub-{0}/ses-01/dwi/sub-{0}_ses-01_space-ACPC_"
FA = "derivatives/qsirecon-AMICONODDI/" + NATIVE + "param-FA_dwimap.nii.gz"
DSEG = NATIVE + "seg-4S156Parcels_dseg.nii.gz"
KEPT = ("ACPC_param-FA_dwimap.nii.gz", "ACPC_model-tensor_param-md_dwimap.nii.gz")
KEPT = (*KEPT, "ACPC_model-noddi_param-direction_dwimap.nii.gz")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=3, resolution=8)
    for path in root.rglob("*_dwimap.nii.gz"):
        if not path.name.endswith(KEPT):
            path.unlink()
    return root


@pytest.fixture
def tree(made, tmp_path):
    return shutil.copytree(made, tmp_path / "qsirecon")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def parts_only(tree, out, **options):
    """A build that leaves the archive alone, and how each part was left."""
    build(tree, out, **{"shard": "1/1", "stats": "core", **options})
    return {path.stem: path.stat().st_mtime_ns for path in part_paths(out)}


def table(out, name="failures"):
    return pd.read_csv(out / f"{name}.tsv", sep="\t", keep_default_na=False)


def damage(path, keep=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])


def test_a_part_holds_what_extraction_gives(tree, out):
    assert sorted(parts_only(tree, out, stats="extended")) == SCANS
    part = read_part(out / "parts" / "sub-002_ses-01.nc")
    assert sorted(part.children) == ["4S156Parcels", "Brainnetome246Ext"]
    cube = part["4S156Parcels"].to_dataset()
    dataset = qsiparc.find(tree)
    volume = qsiparc.open_nifti(tree / FA.format("002"))
    alone = volume.parc.extract(tree / DSEG.format("002"), dataset.lut("4S156Parcels"))
    xr.testing.assert_equal(
        cube["value"].sel(scalar="FA").reset_coords(drop=True),
        alone["value"].isel(scalar=0).reset_coords(drop=True).assign_coords(subject=[SCANS[1]]),
    )
    assert cube["status"].to_numpy().tolist() == [[0]] * 2
    assert cube["status"].attrs["flag_meanings"] == "ok missing failed"
    assert cube["participant_id"].item() == "sub-002"
    assert cube["session_id"].item() == "ses-01"
    md = cube.sel(scalar="md")
    identity = [md[name].item() for name in ("software", "model", "param", "desc", "units")]
    assert identity == ["DSIStudio", "tensor", "md", "", "mm^2/s"]
    assert md["map_file"].item().endswith("_param-md_dwimap.nii.gz")
    assert cube["dseg_file"].item() == (tree / DSEG.format("002")).name


def test_a_part_says_what_it_is_made_of(tree, out):
    parts_only(tree, out)
    attrs = part_attrs(out / "parts" / "sub-001_ses-01.nc")
    inputs = {one["path"]: one for one in json.loads(attrs["inputs"])}
    fa = inputs[FA.format("001")]
    assert fa["size"] == (tree / FA.format("001")).stat().st_size
    assert {DSEG.format("001"), FA.format("001").replace(".nii.gz", ".json")} <= set(inputs)
    options = json.loads(attrs["options"])
    assert (options["stats"], options["zero_is_missing"]) == ("core", False)


def test_a_second_run_does_nothing(tree, out):
    assert parts_only(tree, out) == parts_only(tree, out)


@pytest.mark.parametrize("what", [FA, DSEG, FA.replace(".nii.gz", ".json")])
def test_what_changed_is_done_anew(tree, out, what):
    before = parts_only(tree, out)
    (tree / what.format("002")).touch()
    after = parts_only(tree, out)
    assert [scan for scan in SCANS if before[scan] != after[scan]] == ["sub-002_ses-01"]


def test_other_options_make_other_parts(tree, out):
    before = parts_only(tree, out)
    for options, said in (
        ({"stats": "mean"}, "sub-001_ses-01 for one: stats was core, is mean. A study"),
        ({"zero_is_missing": True}, "stats was mean, is core; zero_is_missing was off, is on. A"),
    ):
        with pytest.warns(QsiparcWarning, match="built with other options") as told:
            after = parts_only(tree, out, **options)
        assert [said in str(one.message) for one in told] == [True]
        assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize("what", ["option", "table"])
def test_a_study_is_not_left_with_two_sets_of_options(tree, out, tmp_path, what):
    before = parts_only(tree, out, scalars="FA")
    lut = next(tree.glob("sourcedata/**/*4S156Parcels*_dseg.tsv"))
    mine = tmp_path / "mine.tsv"
    mine.write_text(lut.read_text().replace("LH_Vis_1", "LH_Vis_one"))
    options, said = {
        "option": ({"zero_is_missing": True}, "zero_is_missing was off, is on"),
        "table": ({"luts": {"4S156Parcels": mine}}, "the look-up table of 4S156Parcels is another"),
    }[what]
    state = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(OptionError, match=f"holds sub-002_ses-01.*{said}.*Nothing was written"):
        parts_only(tree, out, participant_label="001", scalars="FA", **options)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == state
    for shard in ("1/2", "2/2"):  # each does a share, and both together do all
        with pytest.warns(QsiparcWarning, match=f"other options.*{said}"):
            after = parts_only(tree, out, scalars="FA", shard=shard, **options)
    assert not set(before.values()) & set(after.values())


def test_other_parts_that_say_nothing_of_their_options_stop_no_build(tree, out):
    parts_only(tree, out, scalars="FA")
    damage(out / "parts" / "sub-002_ses-01.nc", keep=0.5)  # putting parts together names it
    part = out / "parts" / "sub-003_ses-01.nc"
    old = read_part(part)
    options = {**json.loads(old.attrs["options"]), "qsiparc": "0.0.0"}
    old.attrs = {**old.attrs, "options": json.dumps(options), "fingerprint": "of that version"}
    write_part(out, "sub-003_ses-01", old)
    state = part.stat().st_mtime_ns
    assert parts_only(tree, out, participant_label="001", scalars=["FA", "md"])
    assert part.stat().st_mtime_ns == state
    with pytest.warns(QsiparcWarning) as told:
        parts_only(tree, out, scalars="FA")
    assert any("qsiparc was 0.0.0, is" in str(one.message) for one in told)


def test_what_was_asked_for_before_stays(tree, out):
    first = {"atlas": "4S156Parcels", "scalars": "FA"}
    parts_only(tree, out, **first)
    part = read_part(out / "parts" / f"{SCANS[0]}.nc")
    assert list(part.children) == ["4S156Parcels"]
    assert part["4S156Parcels"]["scalar"].to_numpy().tolist() == ["FA"]
    wider = parts_only(tree, out, atlas="Brainnetome246Ext", scalars="md")
    part = read_part(out / "parts" / f"{SCANS[0]}.nc")
    assert list(part.children) == ["4S156Parcels", "Brainnetome246Ext"]
    for cube in part.children.values():
        assert cube["scalar"].to_numpy().tolist() == ["FA", "md"]
    assert parts_only(tree, out, **first) == wider
    whole = parts_only(tree, out)
    assert not set(whole.values()) & set(wider.values())
    assert parts_only(tree, out, **first) == whole


def test_what_a_part_of_an_older_format_held_is_asked_for_again_with_a_word(tree, out):
    whole = parts_only(tree, out)
    path = out / "parts" / f"{SCANS[0]}.nc"
    path.write_bytes(b"\x89HDF\r\n\x1a\n of an older version")
    words = rf"parts of 1 scans \({SCANS[0]}\) cannot be read, or are of an older format"
    with pytest.warns(QsiparcWarning, match=words):
        parts_only(tree, out, atlas="4S156Parcels")
    assert list(read_part(path).children) == ["4S156Parcels"]
    assert parts_only(tree, out).keys() == whole.keys()
    assert len(read_part(path).children) == 2


def test_what_the_tree_has_no_more_leaves_with_a_word(tree, out):
    parts_only(tree, out)
    for path in tree.rglob("sub-001*ACPC*md_dwimap.nii.gz"):
        path.unlink()
    lost = "1 scans were built .*lost it: md of sub-001_ses-01"
    with pytest.warns(QsiparcWarning, match=lost):
        parts_only(tree, out)
    part = read_part(out / "parts" / f"{SCANS[0]}.nc")
    assert part["4S156Parcels"]["scalar"].to_numpy().tolist() == ["FA"]


def test_masks_are_no_measures_unless_they_are_named(tree, out):
    fa = tree / FA.format("001")
    mask = fa.with_name(fa.name.replace("_param-FA", "_model-mtnorm_param-inliermask"))
    shutil.copy(fa, mask)
    first = parts_only(tree, out)
    assert list(first) == SCANS
    part = read_part(out / "parts" / f"{SCANS[0]}.nc")
    assert "inliermask" not in part["4S156Parcels"]["scalar"].to_numpy().tolist()
    row = table(out, "left_out").query("scalar == 'inliermask'").squeeze()
    assert (row["scan"], row["file"]) == (SCANS[0], str(mask))
    assert "it is a mask" in row["reason"]
    assert "scalars='inliermask'" in row["reason"]
    assert parts_only(tree, out) == first
    named = parts_only(tree, out, scalars=["FA", "inliermask"], participant_label="001")
    part = read_part(out / "parts" / f"{SCANS[0]}.nc")
    assert "inliermask" in part["4S156Parcels"]["scalar"].to_numpy().tolist()
    assert parts_only(tree, out) == named


def test_a_table_that_was_given_must_be_good(tree, out):
    for luts in ({"4S156Parcels": tree / "none.tsv"}, {"4s156parcels": tree / DSEG.format("001")}):
        with pytest.raises(OptionError, match="table that was given for 4S156Parcels: "):
            parts_only(tree, out, luts=luts)
    assert not out.exists()


def test_what_cannot_be_written_is_said_before_anything_is_done(tree, out, monkeypatch):
    for formats in ({"tsv": True}, {"netcdf": True}, {"parquet": True}, {"zarr_format": 2}):
        with pytest.raises(OptionError, match="A shard writes parts alone"):
            build(tree, out, shard="1/2", **formats)
    with pytest.raises(OptionError, match="zarr_format is 3 or 2"):
        build(tree, out, zarr_format=4)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(OptionError, match="pip install"):
        build(tree, out, parquet=True)
    assert not out.exists()


def test_another_tree_into_the_same_output_is_told(tree, out, tmp_path):
    parts_only(tree, out)
    other = shutil.copytree(tree, tmp_path / "other")
    with pytest.warns(QsiparcWarning, match="qsirecon before, and is built from .*other now"):
        parts_only(other, out)


def test_when_nothing_succeeds(tree, out):
    for path in tree.rglob("*ACPC*_dseg.nii.gz"):
        damage(path, keep=0.1)
    with (
        pytest.warns(QsiparcWarning, match="3 of 3 scans failed"),
        pytest.raises(BuildError, match=r"none of 3 scans has a value; .*failures\.tsv says why"),
    ):
        build(tree, out)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (None, "new"),
        ({}, ""),
        ({"failures": "[{}]"}, "failed before"),
        ({"options": "x", "fingerprint": "x"}, "other options or version"),
        ({"asked": "FA", "fingerprint": "x"}, "other maps or atlases"),
        ({"fingerprint": "x"}, "inputs changed"),
    ],
)
def test_why_a_scan_is_to_do(stored, reason):
    wanted = {"fingerprint": "f", "content_fingerprint": "", "options": "{}", "asked": "FA md"}
    if stored is not None:
        stored = {**wanted, "failures": "[]", **stored}
    assert why_to_do(stored, wanted) == reason
    if stored == {**wanted, "failures": "[]"}:
        wanted["content_fingerprint"] = "c"
        assert why_to_do(stored, wanted) == "content not compared before"


def test_the_same_statistics_by_another_name_are_the_same(tree, out):
    core = ("mean", "median", "std", "n_voxels", "coverage")
    assert parts_only(tree, out) == parts_only(tree, out, stats=core)


def test_another_table_makes_other_parts(tree, out):
    before = parts_only(tree, out)
    lut = next(tree.glob("sourcedata/**/*4S156Parcels*_dseg.tsv"))
    lut.write_text(lut.read_text().replace("LH_Vis_1", "LH_Vis_one"))
    with pytest.warns(QsiparcWarning, match="look-up table of 4S156Parcels is another one"):
        after = parts_only(tree, out)
    assert not set(before.values()) & set(after.values())


def test_content_counts_when_asked(tree, out):
    before = parts_only(tree, out, check_content=True)
    (tree / FA.format("002")).touch()
    assert parts_only(tree, out, check_content=True) == before
    shutil.copy(next(tree.rglob("sub-002*ACPC*md_dwimap.nii.gz")), tree / FA.format("002"))
    after = parts_only(tree, out, check_content=True)
    assert [scan for scan in SCANS if before[scan] != after[scan]] == ["sub-002_ses-01"]


def test_a_tree_that_moved_is_the_same_tree(tree, out):
    before = parts_only(tree, out)
    moved = tree.rename(tree.with_name("moved"))
    assert parts_only(moved, out) == before


def test_subjects_join_and_leave_when_asked(tree, out):
    before = parts_only(tree, out, participant_label=["sub-001", "002"])
    assert sorted(before) == SCANS[:2]
    assert sorted(parts_only(tree, out)) == SCANS
    for path in tree.rglob("sub-001"):
        shutil.rmtree(path)
    assert sorted(parts_only(tree, out)) == SCANS
    pruned = parts_only(tree, out, prune=True, participant_label="002")
    assert sorted(pruned) == SCANS[1:]
    with pytest.raises(OptionError, match="not both"):
        parts_only(tree, out, prune=True, shard="1/2")


def test_shards_share_the_scans(tree, out):
    assert list(parts_only(tree, out, shard=(2, 3))) == SCANS[1:2]
    assert list(parts_only(tree, out, shard="1/2")) == SCANS
    for wrong in ("0/3", "4/3", "3", "a/b", (1, 2, 3)):
        with pytest.raises(OptionError, match="the third of fifty"):
            parts_only(tree, out, shard=wrong)


def test_a_truncated_map_is_recorded_and_the_rest_goes_on(tree, out):
    damage(tree / FA.format("002"))
    with pytest.warns(
        QsiparcWarning,
        match=r"1 of 3 scans failed.*sub-002_ses-01, map of .*gz: .*cut short",
    ):
        parts_only(tree, out)
    (row,) = table(out).to_dict("records")
    assert (row["scan"], row["subject"], row["session"]) == (SCANS[1], "sub-002", "ses-01")
    assert (row["scalar"], row["step"], row["atlas"]) == ("FA", "map", "n/a")
    assert row["file"] == str(tree / FA.format("002"))
    assert "cut short" in row["reason"]
    cube = read_part(out / "parts" / f"{SCANS[1]}.nc")["4S156Parcels"].to_dataset()
    assert cube["status"].sel(scalar="FA").item() == 2
    assert cube["status"].sum() == 2
    assert np.isnan(cube["value"].sel(scalar="FA").to_numpy()).all()
    assert cube["units"].sel(scalar="FA").item() == "1"
    healthy = read_part(out / "parts" / f"{SCANS[0]}.nc")["4S156Parcels"].to_dataset()
    xr.testing.assert_equal(cube["scalar"], healthy["scalar"])


def test_what_failed_is_tried_again_and_nothing_else(tree, out, made):
    damage(tree / FA.format("002"))
    with pytest.warns(QsiparcWarning):
        before = parts_only(tree, out)
    with pytest.warns(QsiparcWarning):
        again = parts_only(tree, out)
    assert [scan for scan in SCANS if before[scan] != again[scan]] == [SCANS[1]]
    shutil.copy(made / FA.format("002"), tree / FA.format("002"))
    parts_only(tree, out)
    assert table(out).empty


def test_a_dseg_on_another_grid(tree, out):
    shutil.copy(tree / DSEG.format("001"), tree / DSEG.format("002"))
    with pytest.warns(QsiparcWarning, match="grid"):
        parts_only(tree, out)
    rows = table(out)
    assert set(rows["step"]) == {"grid"}
    assert set(rows["atlas"]) == {"4S156Parcels"}
    assert len(rows) == 2
    assert list(read_part(out / "parts" / f"{SCANS[1]}.nc").children) == ["Brainnetome246Ext"]


def test_a_dseg_that_cannot_be_read_costs_its_atlas(tree, out):
    damage(tree / DSEG.format("002"), keep=0)
    with pytest.warns(QsiparcWarning, match=r"dseg of sub-.*gz: .*The file is empty"):
        parts_only(tree, out)
    assert table(out)[["atlas", "step"]].to_numpy().tolist() == [["4S156Parcels", "dseg"]]
    assert list(read_part(out / "parts" / f"{SCANS[1]}.nc").children) == ["Brainnetome246Ext"]


def test_a_missing_table_costs_its_atlas(tree, out):
    for path in [*tree.rglob("*4S156Parcels*_dseg.tsv"), *tree.rglob("*4S156Parcels*_dseg.txt")]:
        path.unlink()
    with pytest.warns(QsiparcWarning, match="3 of 3 scans.*no look-up table of 4S156Parcels"):
        parts_only(tree, out)
    assert table(out)["step"].tolist() == ["lut"] * 3
    assert "--lut 4S156Parcels=FILE" in table(out)["reason"][0]
    assert list(read_part(out / "parts" / f"{SCANS[0]}.nc").children) == ["Brainnetome246Ext"]


def test_a_scan_of_which_nothing_is_left(tree, out):
    for path in tree.rglob("sub-003*_dseg.nii.gz"):
        damage(path, keep=0.1)
    with pytest.warns(QsiparcWarning, match="1 of 3 scans failed"):
        parts_only(tree, out)
    assert not read_part(out / "parts" / f"{SCANS[2]}.nc").children
    assert table(out)["scan"].tolist() == [SCANS[2]] * 2


def test_4d_maps_are_left_out_and_no_failure(tree, out):
    parts_only(tree, out)
    assert table(out).empty
    rows = table(out, "left_out")
    assert rows["scan"].tolist() == SCANS
    assert set(rows["scalar"]) == {"direction"}
    assert rows["reason"].str.contains("it is 4D").all()


def test_the_second_of_two_spaces_is_left_out(tree, out):
    first = tree / FA.format("001")
    shutil.copy(first, first.with_name(first.name.replace("space-ACPC", "space-T1w")))
    with pytest.warns(QsiparcWarning, match="two spaces"):
        before = parts_only(tree, out)
    rows = table(out, "left_out")
    assert rows[rows["scalar"] == "FA"]["scan"].tolist() == [SCANS[0]]
    with pytest.warns(QsiparcWarning, match="two spaces"):
        assert parts_only(tree, out) == before


def test_two_runs_of_a_session_are_two_scans(tree, out):
    for path in [*tree.rglob("sub-001_ses-01_space-ACPC*")]:
        path.rename(path.with_name(path.name.replace("_space-", "_run-1_space-")))
        if path.name.endswith("_dseg.txt"):
            continue
        twin = path.with_name(path.name.replace("_space-", "_run-2_space-"))
        shutil.copy(path.with_name(path.name.replace("_space-", "_run-1_space-")), twin)
    names = list(parts_only(tree, out))
    assert names[:2] == ["sub-001_ses-01_run-1", "sub-001_ses-01_run-2"]
    cube = read_part(out / "parts" / f"{names[1]}.nc")["4S156Parcels"].to_dataset()
    assert cube["subject"].item() == "sub-001_ses-01_run-2"
    assert cube["session_id"].item() == "ses-01"


def test_strict_stops_at_the_first_failure(tree, out):
    damage(tree / FA.format("001"))
    with pytest.raises(BuildError, match=r"Stopped at the first failure.*sub-001_ses-01, map"):
        parts_only(tree, out, strict=True)
    assert [path.stem for path in part_paths(out)] == SCANS[:1]


def test_warnings_of_scans_are_told_once_a_call(tree, out):
    lut = next(tree.glob("sourcedata/**/*4S156Parcels*_dseg.tsv"))
    lines = lut.read_text().splitlines(keepends=True)
    lut.write_text("".join(lines[:1] + lines[2:]))
    with pytest.warns(QsiparcWarning, match="3 scans came with warnings.*does not name: 1") as told:
        parts_only(tree, out)
    assert len(told) == 1
    assert "does not name: 1" in part_attrs(out / "parts" / f"{SCANS[0]}.nc")["warnings"]
    with pytest.warns(QsiparcWarning, match="3 scans came with warnings.*does not name: 1"):
        parts_only(tree, out)


def test_each_label_image_of_an_atlas_is_compared_with_its_table(tree, out):
    """Of maps in two spaces, each has an image of its own."""
    (md,) = tree.rglob("sub-001*param-md_dwimap.nii.gz")
    md.rename(md.with_name(md.name.replace("space-ACPC", "space-T1w")))
    image = nib.load(tree / DSEG.format("001"))
    labels = np.asarray(image.dataobj).astype(np.int16)
    labels[labels == 1] = 999
    other = nib.Nifti1Image(labels, image.affine)
    other.to_filename(str(tree / DSEG.format("001")).replace("space-ACPC", "space-T1w"))
    with pytest.warns(QsiparcWarning, match="came with warnings.*does not name: 999"):
        parts_only(tree, out)
    cube = read_part(out / "parts" / f"{SCANS[0]}.nc")["4S156Parcels"].to_dataset()
    counts = cube.value.sel(stat="n_voxels", region=1, subject=SCANS[0])
    assert counts.sel(scalar="md").item() == 0 < counts.sel(scalar="FA").item()


@pytest.mark.parametrize(("where", "message"), [("", "has no name"), ("\0", "is no folder")])
def test_an_output_that_is_none(tree, where, message):
    with pytest.raises(OptionError, match=message):
        parts_only(tree, where)


def test_wrong_names_are_errors(tree, out):
    with pytest.raises(SelectionError, match="no subject '9'"):
        parts_only(tree, out, participant_label="9")
    with pytest.raises(SelectionError, match="no scalar 'kfa'"):
        parts_only(tree, out, scalars=["kfa"])
    with pytest.raises(UnknownStatisticError, match="maen"):
        parts_only(tree, out, stats=["maen"])
    with pytest.raises(OptionError, match="executor takes"):
        parts_only(tree, out, executor="dask")


def test_a_folder_with_nothing_in_it(tmp_path, out):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BuildError, match="nothing to build"):
        parts_only(tmp_path / "empty", out)
    assert not out.exists()


@pytest.mark.parametrize("where", [".", "derivatives/qsiparc", "../qsirecon/out"])
def test_output_inside_the_input_is_refused(tree, where):
    with pytest.raises(OptionError, match="lies in the input"):
        parts_only(tree, tree / where)
    assert not list(tree.rglob("parts"))


def test_output_inside_the_input_by_a_link_is_refused(tree, tmp_path):
    (tmp_path / "link").symlink_to(tree, target_is_directory=True)
    with pytest.raises(OptionError, match="lies in the input"):
        parts_only(tree, tmp_path / "link" / "out")


def test_threads_give_the_same(tree, tmp_path):
    parts_only(tree, tmp_path / "one")
    with ThreadPoolExecutor(3) as threads:
        parts_only(tree, tmp_path / "threads", executor=threads)
    assert_same_parts(tmp_path / "one", tmp_path / "threads")


def assert_same_parts(one, other):
    paths = part_paths(one)
    assert [p.name for p in paths] == [p.name for p in part_paths(other)]
    for path in paths:
        first, second = read_part(path), read_part(other / "parts" / path.name)
        assert first.attrs == second.attrs
        xr.testing.assert_identical(first, second)
        for name, node in first.children.items():
            assert node["value"].to_numpy().tobytes() == second[name]["value"].to_numpy().tobytes()
            assert np.isfinite(node["value"].to_numpy()).any()
