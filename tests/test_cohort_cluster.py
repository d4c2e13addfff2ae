"""The ways onto a cluster that docs/howto/cluster.md shows, run as it shows them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import qsiparc
from qsiparc.cli import main
from qsiparc.cohort.parts import part_paths, read_part
from qsiparc.tutorial import make_qsirecon

N_SCANS = 4
PAGE = Path(__file__).parents[1] / "docs/howto/cluster.md"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=N_SCANS, resolution=8)
    for software in ("AMICONODDI", "TORTOISE"):
        shutil.rmtree(root / "derivatives" / f"qsirecon-{software}")
    return root


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    qsiparc.build(tree, out, executor=1)
    return out


def run(command, folder, **environment):
    """A command in a folder, where ``qsiparc`` is the one that is tested."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_same_study(one, other):
    first, second = qsiparc.open(one), qsiparc.open(other)
    assert len(first.children) == 2
    for atlas in first:
        cubes = [tree[atlas].to_dataset().load() for tree in (first, second)]
        assert cubes[0].value.identical(cubes[1].value)
        assert cubes[0].value.to_numpy().tobytes() == cubes[1].value.to_numpy().tobytes()


def block(language, word):
    """The block of the page in which a word stands."""
    flags = re.DOTALL | re.MULTILINE
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), flags)
    (one,) = [text for text in found if word in text]
    return one


@pytest.mark.skipif(shutil.which("bash") is None, reason="the script of the page is for bash")
def test_the_array_job_of_the_page(tree, tmp_path, undisturbed):
    jobs = 3
    script = block("bash", "SLURM_ARRAY_TASK_ID")
    assert "--array=1-50\n" in script
    (tmp_path / "shards.sh").write_text(script.replace("}/50", f"}}/{jobs}"))
    (tmp_path / "qsirecon").symlink_to(tree)
    for number in range(1, jobs + 1):
        run(["bash", "shards.sh"], tmp_path, SLURM_ARRAY_TASK_ID=str(number))
    assert len(part_paths(tmp_path / "out")) == N_SCANS
    (wrapped,) = re.findall(r'--wrap "(.*?)"', block("console", "sbatch"))
    output = run(wrapped.split(), tmp_path)
    assert "archive     out/qsiparc.zarr" in output
    assert_same_study(undisturbed, tmp_path / "out")


def test_the_dask_script_of_the_page_asks_slurm_for_what_it_says():
    jobqueue = pytest.importorskip("dask_jobqueue")
    script = block("py", "SLURMCluster(")
    call = re.search(r"SLURMCluster\(.*?\n    \)", script, re.DOTALL)[0]
    with eval(call, {"SLURMCluster": jobqueue.SLURMCluster}) as cluster:  # noqa: S307 - our own page
        job = cluster.job_script()
    for line in ("#SBATCH -p normal", "#SBATCH --cpus-per-task=1", "#SBATCH --mem=2G"):
        assert line in job
    assert "#SBATCH -t 02:00:00" in job
    assert "--lifetime 110m" in job
    assert "--nthreads 1" in job


def test_the_command_takes_a_running_dask_scheduler(tree, tmp_path, undisturbed):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=100
    ) as cluster:
        told = ["--dask-scheduler", cluster.scheduler_address]
        result = CliRunner().invoke(main, ["build", str(tree), str(tmp_path / "out"), *told])
        assert result.exit_code == 0, result.output
        assert cluster.scheduler.transition_counter > N_SCANS  # it was there that they ran
    assert f"done        {N_SCANS} scans" in result.stdout
    assert_same_study(undisturbed, tmp_path / "out")


def mpirun():
    """The command that starts a script on three MPI processes; of this environment, or else any."""
    pytest.importorskip("mpi4py")
    here = str(Path(sys.executable).parent)
    found = shutil.which("mpirun", path=here) or shutil.which("mpirun")
    if found is None:
        pytest.skip("MPI's mpirun is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    is_open_mpi = "Open MPI" in version.stdout
    return [found, *(["--oversubscribe"] if is_open_mpi else []), "-n", "3", sys.executable]


def test_mpi_workers(tree, tmp_path, undisturbed):
    command = mpirun()
    script = tmp_path / "study.py"
    (tmp_path / "qsirecon").symlink_to(tree)
    *lines, last = block("py", "MPIPoolExecutor").splitlines()
    count = last[: len(last) - len(last.lstrip())] + "print(executor.num_workers, 'workers')"
    script.write_text("\n".join([*lines, last, count]))
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    output = run([*command, "-m", "mpi4py.futures", script], tmp_path, **allowed)
    assert output == "2 workers\n"
    assert_same_study(undisturbed, tmp_path / "out")
    for path in part_paths(undisturbed):
        assert read_part(path).identical(read_part(tmp_path / "out/parts" / path.name))
