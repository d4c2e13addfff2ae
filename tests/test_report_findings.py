"""What was planted into a study is found and named, and nothing is found where nothing was."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from made_archive import change, cube, fail, save, scan_names
from made_study import cube as part_cube
from made_study import put

import qsiparc
from qsiparc.cube import text
from qsiparc.report import find_problems
from qsiparc.report.levels import find_levels
from qsiparc.report.robust import middle, spread
from qsiparc.report.sides import against, asymmetry
from qsiparc.tutorial import make_qsirecon

LEFT = list(range(1, 31))
RIGHT = list(range(31, 61))


def problems(tmp_path, **cubes):
    return find_problems(save(tmp_path / "out", cubes))


def kinds_by_scan(found):
    return {(row.kind, row.scan) for row in found.itertuples()}


@pytest.mark.parametrize("n_scans", [1, 2, 3, 4, 7, 30, 120])
@pytest.mark.parametrize("seed", [1, 2])
def test_people_who_differ_as_people_do_raise_no_finding(tmp_path, n_scans, seed):
    assert problems(tmp_path, A=cube(n_scans, seed=seed, n_regions=121)).empty


@pytest.mark.parametrize("n_scans", [4, 40])
def test_a_huge_value_is_found(tmp_path, n_scans):
    def spoil(values):
        values[0] = [3.4e38 / 200, np.inf]

    where = {"subject": "sub-002", "scalar": "MD", "region": [5], "stat": ["mean", "std"]}
    found = problems(tmp_path, A=change(cube(n_scans), spoil, **where))
    assert kinds_by_scan(found) == {("huge", "sub-002")}
    row = found.loc[0]
    assert (row.scalar, row.region_name, row.n_regions) == ("MD", "LH_Area_5", 1)
    assert "1.7e+36" in row.finding


def test_infinity_and_its_opposite_are_found_by_the_mean_that_is_none(tmp_path):
    where = {"subject": "sub-003", "scalar": "FA", "region": [9], "stat": ["mean", "std"]}
    found = problems(tmp_path, A=change(cube(5), lambda v: v.fill(np.nan), **where))
    assert kinds_by_scan(found) == {("huge", "sub-003")}


def withhold(made, cells, n_voxels, coverage):
    """Leave counts alone in some regions of one scan, as too few valid voxels do."""
    region, where = [9, 10][:cells], {"subject": "sub-003", "scalar": "FA"}
    made = change(made, lambda v: v.fill(np.nan), **where, region=region, stat=["mean", "std"])
    made = change(made, lambda v: v.fill(n_voxels), **where, region=region, stat="n_voxels")
    return change(made, lambda v: v.fill(coverage), **where, region=region, stat="coverage")


@pytest.mark.parametrize(
    ("attrs", "n_voxels", "coverage"),
    [
        ({"min_voxels": 10}, 9, 1),
        ({"min_coverage": 0.9}, 100, 0.89),
        ({"min_voxels": 10, "min_coverage": 0.9}, 9, 1),
        ({"min_voxels": 10, "min_coverage": 0.9}, 10, 0.89),
    ],
)
def test_a_mean_that_was_withheld_is_not_taken_for_infinity(tmp_path, attrs, n_voxels, coverage):
    made = withhold(cube(5), 2, n_voxels, coverage)
    assert "huge" in set(problems(tmp_path / "without", A=made)["kind"])
    found = problems(tmp_path / "with", A=made.assign_attrs(attrs))
    assert "huge" not in set(found["kind"])


@pytest.mark.parametrize("attrs", [{"min_voxels": 10}, {"min_coverage": 0.9}])
def test_infinity_is_found_beside_means_that_were_withheld(tmp_path, attrs):
    made = withhold(cube(5), 1, 10, 0.9).assign_attrs(attrs)
    assert ("huge", "sub-003") in kinds_by_scan(problems(tmp_path, A=made))


def test_a_study_with_few_voxels_asked_for_has_no_more_findings_than_without(tmp_path):
    tree = make_qsirecon(tmp_path / "qsirecon")
    options = {"atlas": "4S156Parcels", "stats": "core", "report": False}
    qsiparc.build(tree, tmp_path / "all", **options)
    qsiparc.build(tree, tmp_path / "few", **options, min_voxels=10)
    one, other = (kinds_by_scan(find_problems(tmp_path / name)) for name in ("all", "few"))
    assert other <= one


def test_what_every_scan_has_is_one_finding_of_the_study(tmp_path):
    where = {"scalar": "FA", "stat": "mean"}
    found = problems(tmp_path, A=change(cube(9), lambda v: np.multiply(v, 1000, out=v), **where))
    assert kinds_by_scan(found) == {("range", "all")}
    assert "9 scans" in found.loc[0, "finding"]


@pytest.mark.parametrize(("n_scans", "n_off"), [(2, 1), (3, 1), (12, 5), (50, 1)])
def test_units_that_are_a_thousand_apart_are_found_though_nothing_states_them(
    tmp_path, n_scans, n_off
):
    off = scan_names(n_scans)[:n_off]
    mixed = change(
        cube(n_scans),
        lambda v: np.multiply(v, 1000, out=v),
        subject=off,
        scalar="MD",
        stat=["mean", "std"],
    )
    mixed["units"] = ("scalar", text(["", "", ""]))
    found = problems(tmp_path, A=mixed)
    assert (found["kind"] == "units").all()
    if n_off * 2 == n_scans:
        assert "either may be right" in found.loc[0, "finding"]
    else:
        assert set(found["scan"]) == set(off)
        assert found["finding"].str.startswith("MD is 1000 times that of").all()


def test_a_factor_that_no_unit_has_is_found_too(tmp_path):
    where = {"subject": "sub-004", "scalar": "MD", "stat": "mean"}
    found = problems(tmp_path, A=change(cube(6), lambda v: np.multiply(v, 1e-5, out=v), **where))
    assert kinds_by_scan(found) == {("values", "sub-004")}


def test_units_that_the_parts_state_are_compared(tmp_path):
    out = tmp_path / "out"
    for scan in ("sub-01", "sub-02", "sub-03"):
        units = {"MD": "um^2/ms"} if scan == "sub-02" else {"MD": "mm^2/s"}
        put(out, scan, {"A": part_cube(scan, units=units)})
    with pytest.warns(qsiparc.errors.QsiparcWarning, match="units of MD"):
        qsiparc.finalize(out, report=False)
    found = find_problems(out)
    row = found[found["kind"] == "units"].iloc[0]
    assert row.scan == "sub-02"
    assert "um^2/ms" in row.finding
    assert "mm^2/s in 2 other scans" in row.finding


def test_a_lost_region_is_found_and_one_that_nobody_has_is_one_finding(tmp_path):
    lost = cube(6)
    for region, scan in ((7, "sub-005"), (8, scan_names(6))):
        gone = {"region": [region], "subject": scan}
        lost = change(lost, lambda v: v.fill(np.nan), **gone)
        lost = change(lost, lambda v: v.fill(0), **gone, stat="n_voxels")
    found = problems(tmp_path, A=lost)
    assert kinds_by_scan(found) == {("lost", "sub-005"), ("lost", "all")}
    names = found.set_index("scan")["region_name"]
    assert names.to_dict() == {"sub-005": "LH_Area_7", "all": "LH_Area_8"}


def cover(made, share, **where):
    """Keep a share of the voxels of some regions."""
    made = change(made, lambda v: np.multiply(v, share, out=v), stat="coverage", **where)
    return change(made, lambda v: np.rint(v * share, out=v), stat="n_voxels", **where)


def largest(made, count):
    voxels = made["value"].sel(stat="n_voxels", scalar="FA").min("subject")
    return voxels["region"].to_numpy()[np.argsort(-voxels.to_numpy())[:count]].tolist()


@pytest.mark.parametrize("n_scans", [1, 2, 5, 40])
def test_low_coverage_is_found_in_few_scans_and_in_many(tmp_path, n_scans):
    made = cube(n_scans)
    cut = largest(made, 3)
    found = problems(tmp_path, A=cover(made, 0.3, region=cut, subject="sub-001", scalar="MD"))
    assert kinds_by_scan(found) == {("coverage", "sub-001")}
    assert found.loc[0, "scalar"] == "MD"
    assert set(found.loc[0, "region_name"].split(", ")) == {
        f"LH_Area_{n}" if n < 31 else f"RH_Area_{n - 30}" for n in cut
    }


def test_coverage_that_is_low_everywhere_is_one_finding(tmp_path):
    made = cube(7)
    found = problems(tmp_path, A=cover(made, 0.2, region=largest(made, 2)))
    assert kinds_by_scan(found) == {("coverage", "all")}
    assert found.loc[0, "n_regions"] == 2


def test_volumes_that_stand_out_are_found(tmp_path):
    made = cube(10)
    grown = {"region": largest(made, 4), "subject": "sub-007", "stat": "n_voxels"}
    found = problems(tmp_path, A=change(made, lambda v: np.multiply(v, 4, out=v), **grown))
    assert kinds_by_scan(found) == {("volume", "sub-007")}
    assert found.loc[0, "n_regions"] >= 3


def test_another_voxel_size_is_one_finding_and_not_one_a_region(tmp_path):
    whole = {"subject": "sub-003", "stat": "n_voxels"}
    found = problems(tmp_path, A=change(cube(6), lambda v: np.multiply(v, 8, out=v), **whole))
    assert kinds_by_scan(found) == {("volume", "sub-003")}
    assert "another voxel size" in found.loc[0, "finding"]


def swapped(made, scans):
    """The left of some scans on the right."""
    values = made["value"].to_numpy().copy()
    for scan in scans:
        n = made["subject"].to_numpy().tolist().index(scan)
        left, right = values[:30, ..., n].copy(), values[30:60, ..., n].copy()
        values[:30, ..., n], values[30:60, ..., n] = right, left
    return made.assign(value=made["value"].copy(data=values))


@pytest.mark.parametrize(("n_scans", "n_swapped"), [(3, 1), (8, 1), (40, 12)])
def test_left_and_right_swapped_is_found(tmp_path, n_scans, n_swapped):
    scans = scan_names(n_scans)[-n_swapped:]
    found = problems(tmp_path, A=swapped(cube(n_scans), scans))
    sides = found[found["kind"] == "sides"]
    assert set(sides["scan"]) == set(scans)
    assert sides["finding"].str.contains("volumes of regions").all()


def test_noise_has_no_side():
    rng = np.random.default_rng(3)
    for n_scans in (3, 4, 10, 60, 300):
        for n_pairs in (8, 20, 200):
            turned, _ = against(rng.normal(size=(n_pairs, n_scans)))
            assert not turned.any()


def test_an_asymmetry_is_a_share_of_both_sides():
    values = np.array([[3.0], [1.0], [0.0], [9.0], [0.0], [1.0], [3.0]])
    pairs = np.array([[0, 1], [2, 4], [5, 6]])
    np.testing.assert_array_equal(asymmetry(values, pairs), [[0.5], [np.nan], [-0.5]])


def test_names_that_leave_the_other_side_open_are_no_error(tmp_path):
    names = [*[f"LH_Area_{n % 20}" for n in range(30)], *[f"RH_Area_{n}" for n in range(31)]]
    assert problems(tmp_path, A=cube(6, regions=names)).empty


def test_a_scan_unlike_the_others_is_found(tmp_path):
    where = {"subject": "sub-002", "region": slice(3, 9), "scalar": "FA", "stat": "mean"}
    found = problems(tmp_path, A=change(cube(6), lambda v: v.fill(0), **where))
    assert kinds_by_scan(found) == {("values", "sub-002")}
    assert found.loc[0, "n_regions"] >= 3
    assert set(found.loc[0, "region_name"].split(", ")) <= {f"LH_Area_{n}" for n in range(3, 10)}


def test_several_atlases_make_one_finding(tmp_path):
    where = {"scalar": "FA", "stat": "mean", "subject": "sub-002"}
    cubes = {name: change(cube(9), lambda v: v.fill(0), **where) for name in ("A", "B")}
    found = problems(tmp_path, **cubes)
    assert kinds_by_scan(found) == {("values", "sub-002")}
    assert found.loc[0, "atlas"] == "A, B"
    assert found.loc[0, "n_regions"] > 61


def test_a_scan_that_lacks_a_scalar_is_passed_over(tmp_path):
    made = fail(fail(cube(6), "sub-001", "FA"), "sub-002", "FA", "missing")
    assert problems(tmp_path, A=made).empty


def test_statistics_that_are_not_there_are_not_asked_for(tmp_path):
    assert problems(tmp_path, A=cube(6).sel(stat=["mean"])).empty
    assert problems(tmp_path, A=cube(6).sel(stat=["coverage"])).empty


def test_middles_and_spreads_are_those_of_numpy():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(30, 11))
    np.testing.assert_allclose(middle(values), np.median(values, axis=1))
    values[values > 0.8] = np.nan
    np.testing.assert_allclose(middle(values), np.nanmedian(values, axis=1))
    many = rng.normal(0, 3, size=(4, 20_000))
    np.testing.assert_allclose(spread(many, middle(many)), 3, rtol=0.03)
    few = rng.normal(0, 3, size=(40_000, 5))
    assert spread(few, middle(few)).mean() == pytest.approx(3, rel=0.03)


def test_levels_of_a_single_scan_are_not_compared():
    off, power = find_levels(np.array([[1.0], [2.0]]))
    assert not off.any()
    assert power.tolist() == [0.0]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    root = make_qsirecon(tmp_path_factory.mktemp("faulty") / "qsirecon", n_subjects=6)
    lut = next(root.glob("sourcedata/atlases/*/*4S156*.tsv"))
    names = qsiparc.read_lut(lut).to_dataframe()["region_name"].tolist()
    for dseg in root.glob("sub-005/ses-01/dwi/*4S156*_dseg.nii.gz"):
        edit(dseg, lambda labels: mirrored(labels, names))
    md = "sub-004/ses-01/dwi/*_space-ACPC_*param-md_dwimap.nii.gz"
    edit(next(root.glob(f"derivatives/*/{md}")), lambda v: (v * 1000).astype(v.dtype))
    rtop = "sub-006/ses-01/dwi/*_space-ACPC_*param-rtop_dwimap.nii.gz"
    labels = nib.load(next(root.glob("sub-006/ses-01/dwi/*4S156*_dseg.nii.gz"))).get_fdata()
    edit(next(root.glob(f"derivatives/*/{rtop}")), lambda v: np.where(labels == 20, 3.4e38, v))
    out = root.with_name("out")
    with pytest.warns(qsiparc.errors.QsiparcWarning, match="infinite or beyond"):
        qsiparc.build(root, out, atlas="4S156Parcels", zero_is_missing=True, report=False)
    return find_problems(out).set_index(["kind", "scan"])


class TestTheTutorial:
    """Faults of its own, and faults put into its files, found in the archive that a build makes."""

    def test_no_more_is_found_than_there_is(self, tutorial):
        assert set(tutorial.index) == {
            ("lost", "sub-002_ses-01"),
            ("coverage", "sub-001_ses-01"),
            ("coverage", "sub-003_ses-01"),
            ("values", "sub-003_ses-01"),
            ("units", "sub-004_ses-01"),
            ("sides", "sub-005_ses-01"),
            ("huge", "sub-006_ses-01"),
        }

    def test_each_is_named(self, tutorial):
        assert tutorial.loc[("lost", "sub-002_ses-01"), "region_name"] == "LH-HN"
        hole = tutorial.loc[("coverage", "sub-001_ses-01")]
        assert (hole["region_name"].split(", ")[0], hole["scalar"]) == ("LH_Limbic_OFC_1", "md")
        assert "Cerebellar" in tutorial.loc[("coverage", "sub-003_ses-01"), "region_name"]
        assert tutorial.loc[("units", "sub-004_ses-01"), "scalar"] == "md"
        assert "1000 times" in tutorial.loc[("units", "sub-004_ses-01"), "finding"]
        assert "FA" in tutorial.loc[("sides", "sub-005_ses-01"), "finding"]
        huge = tutorial.loc[("huge", "sub-006_ses-01")]
        assert (huge["scalar"], huge["n_regions"]) == ("rtop", 1)


def edit(path, change_values):
    image = nib.load(path)
    values = change_values(np.asanyarray(image.dataobj))
    nib.save(nib.Nifti1Image(values, image.affine, image.header), path)


def mirrored(labels, names):
    """The labels of the left on the right, as of a look-up table that takes them for each other."""
    place = {name: n for n, name in enumerate(names, 1)}
    other = {n: place.get(mirror_name(name), n) for name, n in place.items()}
    table = np.array([0, *(other[n] for n in range(1, len(names) + 1))], labels.dtype)
    return table[labels]


def mirror_name(name):
    return {"LH": "RH", "RH": "LH"}.get(name[:2], name[:2]) + name[2:]
