from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

import qsiparc
from qsiparc.cli import main
from qsiparc.cohort.parts import part_paths
from qsiparc.tutorial import make_qsirecon

SCANS = ["sub-001_ses-01", "sub-002_ses-01"]
MD = "derivatives/qsirecon-DSIStudio/sub-{0}/ses-01/dwi/sub-{0}_ses-01_space-ACPC_"
MD += "model-tensor_param-md_dwimap.nii.gz"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=2, resolution=8)
    for software in ("AMICONODDI", "TORTOISE"):
        shutil.rmtree(root / "derivatives" / f"qsirecon-{software}")
    return root


@pytest.fixture
def tree(made, tmp_path):
    return shutil.copytree(made, tmp_path / "qsirecon")


@pytest.fixture
def build(tree, tmp_path):
    def run(*arguments, out=tmp_path / "out"):
        arguments = ["build", tree, out, "--atlas", "4S156Parcels", *arguments]
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def truncate(path):
    path.write_bytes(path.read_bytes()[:1000])


def test_all_scans(build, out):
    result = build("--stats", "core", "--tsv")
    assert result.exit_code == 0, result.output
    assert "done            2" in result.stdout
    assert f"qsiparc.open('{out}')" in result.stdout
    study = qsiparc.open(out)
    assert dict(study["4S156Parcels"].sizes) == {
        "region": 156,
        "stat": 5,
        "scalar": 2,
        "subject": 2,
    }
    assert len(list(out.rglob("*_diffmap.tsv"))) == 2
    again = build("--stats", "core")
    assert again.exit_code == 0
    assert "up to date      2" in again.stdout


def test_options_reach_the_study(build, out):
    options = ["-p", "sub-002", "-m", "md", "--stats", "mean,n_voxels", "--zero-is-missing"]
    assert build(*options, "-s", "ses-01", "--zarr-format", "2").exit_code == 0
    cube = qsiparc.open(out)["4S156Parcels"]
    assert cube["stat"].to_numpy().tolist() == ["mean", "n_voxels"]
    assert cube["scalar"].to_numpy().tolist() == ["md"]
    assert cube["subject"].to_numpy().tolist() == SCANS[1:]
    assert cube.attrs["zero_is_missing"] == 1
    assert (out / "qsiparc.zarr" / ".zgroup").exists()


def test_several_labels_in_one(build, out):
    assert build("--participant-label", "001 sub-002", "--shard", "1/1").exit_code == 0
    assert [path.stem for path in part_paths(out)] == SCANS


def test_dry_run_writes_nothing(build, out):
    result = build("--dry-run")
    assert result.exit_code == 0
    assert "to do  sub-001_ses-01: 2 maps, 4S156Parcels" in result.stdout
    assert "2 scans to do, 0 up to date." in result.stdout
    assert not out.exists()
    build("-p", "001", "--shard", "1/1")
    assert "1 scans to do, 1 up to date." in build("--dry-run").stdout


def test_one_scan_fails_in_part(build, tree, out):
    truncate(tree / MD.format("002"))
    result = build()
    assert result.exit_code == 1
    assert "sub-002_ses-01: map md: " in result.stderr
    assert "in part         1  sub-002_ses-01" in result.stdout
    assert str(out / "failures.tsv") in result.stdout


def test_none_succeeds(build, tree):
    for path in tree.rglob("*ACPC*_dseg.nii.gz"):
        truncate(path)
    result = build()
    assert result.exit_code == 2
    assert "failed          2  sub-001_ses-01, sub-002_ses-01" in result.stdout


def test_strict_stops(build, tree, out):
    truncate(tree / MD.format("001"))
    result = build("--strict")
    assert result.exit_code == 1
    assert "Error: Stopped at the first failure" in result.stderr
    assert [path.stem for path in part_paths(out)] == SCANS[:1]
    assert "md" in (out / "failures.tsv").read_text()


def test_shards_are_put_together_by_finalize(build, out):
    for shard in ("1/2", "2/2"):
        result = build("--shard", shard)
        assert f"qsiparc finalize {out}" in result.stdout
    assert not (out / "qsiparc.zarr").exists()
    assert CliRunner().invoke(main, ["finalize", str(out)]).exit_code == 0
    assert qsiparc.open(out)["4S156Parcels"].sizes["subject"] == 2


def test_verbose_names_every_scan(build):
    assert "sub-001_ses-01: done" in build("-v", "--shard", "1/1").stderr
    assert "sub-001_ses-01: up to date" in build("-v", "--shard", "1/1").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "the third of fifty"),
        (["--lut", "AAL"], "ATLAS=FILE is expected"),
        (["--n-procs", "0"], "0 is not in the range"),
        (["--stats", "maen"], "Did you mean 'mean'"),
        (["-p", "9"], "There is no subject '9'"),
    ],
)
def test_wrong_usage(build, arguments, message):
    result = build(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_output_inside_the_input(build, tree):
    result = build(out=tree / "out")
    assert result.exit_code == 2
    assert "lies in the input" in result.stderr


def test_an_own_table(build, tree, tmp_path, out):
    table = tmp_path / "own.tsv"
    source = next(tree.glob("sourcedata/**/*4S156Parcels*_dseg.tsv"))
    table.write_text(source.read_text().replace("LH_Vis_1\t", "MyVis\t"))
    assert build("--lut", f"4S156Parcels={table}").exit_code == 0
    assert "MyVis" in qsiparc.open(out)["4S156Parcels"]["region_name"].to_numpy()


def test_help_tells_the_exit_codes():
    text = " ".join(CliRunner().invoke(main, ["build", "--help"]).stdout.split())
    assert "2 none succeeded" in text
