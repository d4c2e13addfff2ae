from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

import qsiparc
from qsiparc.cli import main
from qsiparc.cli_report import Teller, duration, summarise
from qsiparc.cohort.parts import part_paths, read_part
from qsiparc.cohort.record import Report, Status
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
    assert "done        2 scans" in result.stdout
    assert (
        "            4S156Parcels  156 regions, 5 stats, 2 scalars, 2 subjects\n" in result.stdout
    )
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
    assert "up to date  2 scans" in again.stdout


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


def test_several_labels_after_one_name_as_in_bids_apps(build, out):
    result = build("--participant_label", "001", "sub-002", "--stats", "mean", "std", "--dry-run")
    assert "2 scans to do" in result.stdout, result.output
    assert build("-p", "001", "002", "--stats=mean", "std", "--shard", "1/1").exit_code == 0
    assert [path.stem for path in part_paths(out)] == SCANS
    stats = read_part(part_paths(out)[0])["4S156Parcels"]["stat"]
    assert stats.to_numpy().tolist() == ["mean", "std"]


@pytest.mark.parametrize("option", ["--participant-label", "--session-label"])
def test_a_variable_that_is_not_set_is_not_all(build, option):
    result = build(option, "", "--dry-run")
    assert result.exit_code == 2
    assert "it is empty" in result.output


def test_an_output_without_a_name_is_not_here(tree):
    result = CliRunner().invoke(main, ["build", str(tree), ""])
    assert result.exit_code == 2
    assert "it is empty" in result.output


def test_folders_may_come_last(tree, out):
    options = ["build", "-p", "001", "--atlas", "4S156Parcels", "--dry-run"]
    result = CliRunner().invoke(main, [*options, str(tree), str(out)])
    assert "1 scan to do" in result.stdout, result.output


def test_dry_run_writes_nothing(build, out):
    result = build("--dry-run")
    assert result.exit_code == 0
    assert "sub-001_ses-01  2 maps over 4S156Parcels (new)" in result.stdout
    assert "2 scans to do, 0 up to date." in result.stdout
    assert not out.exists()
    build("-p", "001", "--shard", "1/1")
    assert "1 scan to do, 1 up to date." in build("--dry-run").stdout


def test_dry_run_says_what_would_fail(build, tree):
    for path in [*tree.rglob("*4S156Parcels*_dseg.tsv"), *tree.rglob("*4S156Parcels*_dseg.txt")]:
        path.unlink()
    result = build("--dry-run")
    assert "would fail in 2 scans: 4S156Parcels: no look-up table" in result.stdout


def test_one_scan_fails_in_part(build, tree, out):
    truncate(tree / MD.format("002"))
    result = build()
    assert result.exit_code == 1
    assert "failed: sub-002_ses-01, map md: the file is cut short" in result.stderr
    assert f"\n        {tree / MD.format('002')}\n" in result.stderr
    assert "in part     1 scan  sub-002_ses-01" in result.stdout
    assert str(out / "failures.tsv") in result.stdout


def test_none_succeeds(build, tree):
    for path in tree.rglob("*ACPC*_dseg.nii.gz"):
        truncate(path)
    result = build()
    assert result.exit_code == 2
    assert "failed      2 scans  sub-001_ses-01, sub-002_ses-01" in result.stdout


def test_strict_stops(build, tree, out):
    truncate(tree / MD.format("001"))
    result = build("--strict")
    assert result.exit_code == 1
    assert "Error: Stopped at the first failure" in result.stderr
    assert result.stderr.count("cut short") == 1
    assert [path.stem for path in part_paths(out)] == SCANS[:1]
    assert "md" in (out / "failures.tsv").read_text()


def test_strict_without_a_failure_of_a_scan(build, tmp_path):
    (tmp_path / "file").touch()
    assert build("--strict", out=tmp_path / "file" / "out").exit_code == 2


def test_what_failed_now_costs_nothing_of_before(build, tree, out):
    assert build("-p", "001").exit_code == 0
    for path in tree.rglob("sub-002*ACPC*_dseg.nii.gz"):
        truncate(path)
    assert build("-p", "002").exit_code == 2
    cube = qsiparc.open(out)["4S156Parcels"]
    assert cube["subject"].to_numpy().tolist() == SCANS
    assert cube["status"].sel(subject=SCANS[1]).to_numpy().tolist() == [2, 2]
    told = CliRunner().invoke(main, ["finalize", str(out)])
    assert f"1 scan failed, or part of it: {out / 'failures.tsv'}" in told.stdout
    assert told.exit_code == 1
    (out / "parts" / f"{SCANS[0]}.nc").unlink()
    told = CliRunner().invoke(main, ["finalize", str(out)])
    assert (told.exit_code, told.stderr[:7]) == (2, "Error: ")


def test_other_options_are_told_and_never_in_a_part_of_the_study(build):
    assert build("--zero-is-missing", "-m", "fa").exit_code == 0
    for more in ([], ["--dry-run"]):
        result = build("-p", "001", *more)
        assert result.exit_code == 2
        assert "zero_is_missing was on, is off" in result.stderr
    assert "2 scans to do" in build("--dry-run").stdout
    result = build("-m", "md")
    assert result.exit_code == 0
    said = "redone      2 scans  made with other options before: zero_is_missing was on, is off\n"
    assert said in result.stdout
    assert "Warning: Scans that were built with other options" in result.stderr
    assert "redone" not in build("-m", "md").stdout


def test_the_summary_advises_what_was_not_done(tmp_path, capsys):
    report = Report([Status("sub-1", 1, warnings=("odd",))])
    for verbose in (False, True):
        summarise(report, tmp_path, None, is_shard=False, verbose=verbose)
        assert ("-v shows them" in capsys.readouterr().out) is not verbose


def test_a_full_disk_at_the_end_is_a_line_and_no_traceback(build, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qsiparc.cohort.assemble.write_zarr", full)
    result = build("--stats", "mean")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: [Errno 28] No space left on device"


def test_ctrl_c_is_a_line_and_no_traceback(build, out, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("qsiparc.cohort.assemble.write_zarr", interrupted)
    result = build("--stats", "mean")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1].startswith("Interrupted. What was done is kept")
    assert [path.stem for path in part_paths(out)] == SCANS


def test_no_scheduler_at_that_address(build):
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    with dask.config.set({"distributed.comm.timeouts.connect": "100ms"}):
        result = build("--dask-scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "Error: --dask-scheduler tcp://127.0.0.1:9: no scheduler there: " in result.stderr


def test_no_scheduler_file_of_that_name(build):
    pytest.importorskip("distributed")
    result = build("--dask-scheduler", "scheduler.json")
    assert result.exit_code == 2
    assert "--dask-scheduler scheduler.json: there is no such file" in result.stderr


def test_shards_are_put_together_by_finalize(build, out):
    for shard in ("1/2", "2/2"):
        result = build("--shard", shard)
        assert f"qsiparc finalize {out}" in result.stdout
    assert not (out / "qsiparc.zarr").exists()
    assert CliRunner().invoke(main, ["finalize", str(out)]).exit_code == 0
    assert qsiparc.open(out)["4S156Parcels"].sizes["subject"] == 2


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40.4, "40 s"), (200, "3 min"), (7500, "2 h 05 min"), (7190, "2 h 00 min")],
)
def test_estimates_are_for_people(seconds, said):
    assert duration(seconds) == said


def test_lines_of_progress_say_how_long_it_will_take(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 10.0, 70.0, 70.0, 70.0])
    monkeypatch.setattr("qsiparc.cli_report.time.monotonic", lambda: next(clock))
    tell = Teller().begun(4)
    tell(Status("sub-1", 1, skipped=True))
    tell(Status("sub-2", 1))
    assert capsys.readouterr().err.splitlines() == [
        "building 4 scans",
        "2 of 4 scans, about 2 min left",
    ]


def test_a_terminal_has_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Teller(verbose=True) as teller:
        tell = teller.begun(2)
        tell(Status("sub-1", 1))
        tell(Status("sub-2", 1, warnings=("doubtful",)))
    shown = capsys.readouterr().err
    assert "building: 100%" in shown
    assert "2/2" in shown
    assert "done: sub-1\n" in shown
    assert "warning: sub-2: doubtful\n" in shown


def test_verbose_names_every_scan(build):
    assert "done: sub-001_ses-01" in build("-v", "--shard", "1/1").stderr
    assert "up to date: sub-001_ses-01" in build("-v", "--shard", "1/1").stderr


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
