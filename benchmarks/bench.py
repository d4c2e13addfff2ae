"""How long qsiparc takes, beside its peers and beside what no reader can avoid: ``make bench``.

Everything that is compared runs in turns, round by round. Medians and quartiles go into the tables
of ``docs/performance.md``, between its markers, and into its figure.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import numpy as np
from brains import ATLASES, make_study, make_tree
from peers import OURS, PEERS, Scan
from runner import Runner
from timing import FEW, interleave, milliseconds, ratio, short, table, timed

import qsiparc
from qsiparc.catalogue import Sample, resolve
from qsiparc.cohort.output import prepare_output
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.scan import run_tasks
from qsiparc.inflate import Inflation
from qsiparc.kernels import Segments
from qsiparc.kernels import make_plan as factorise
from qsiparc.nifti import open_nifti
from qsiparc.parcellation import Parcellation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qsiparc.cohort.task import Task

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "performance.md"
FIGURE: Final = HERE.parent / "docs" / "_static" / "performance.png"
MIDDLE: Final = ATLASES[1]
IN_A_ROW: Final = 6
"""Scans that one process works on, so that what begins and ends one is there as well."""

STUDIES: Final = (8, 48)
"""Scans of two studies, the difference of which is what scans cost."""

PUBLISHED: Final = {peer.name for peer in PEERS if peer.environment == "published"}

FREESURFER: Final = 14175
"""The largest label of FreeSurfer's Destrieux atlas."""


@dataclass(frozen=True)
class Bench:
    """What the sections share.

    Parameters
    ----------
    root : Path
        The tree of one scan.
    rounds : int
        How often everything runs.
    published : Path
        The interpreter of the environment of published packages.
    work : Path
        A folder to write to.
    """

    root: Path
    rounds: int
    published: Path
    work: Path

    @property
    def maps(self) -> list[Path]:
        """The maps, FA first."""
        found = sorted(self.root.glob("derivatives/*/sub-001/dwi/*_dwimap.nii.gz"))
        return sorted(found, key=lambda path: "param-fa" not in path.name)

    def dseg(self, n_regions: int) -> Path:
        """The atlas of so many regions."""
        (path,) = self.root.glob(f"sub-001/dwi/*_seg-Grey{n_regions}_dseg.nii.gz")
        return path

    @property
    def scan(self) -> Scan:
        """FA and the atlas in the middle."""
        return Scan(self.maps[0], self.dseg(MIDDLE))


def peers(bench: Bench) -> str:
    """One map of one atlas, by everybody."""
    pythons = {"bench": Path(sys.executable), "published": bench.published}
    with ExitStack() as stack:
        runners = [
            stack.enter_context(Runner(peer, pythons[peer.environment], bench.scan))
            for peer in PEERS
        ]
        able = {runner.peer.name: runner for runner in runners if not runner.error}
        taken = interleave({name: runner.run for name, runner in able.items()}, bench.rounds)
        means = {name: runner.means() for name, runner in able.items()}
    rows = []
    for runner in sorted(runners, key=lambda one: median(taken.get(one.peer.name, [np.inf]))):
        name = runner.peer.name
        if runner.error:
            rows.append([name, "–", "–", "–", f"does not run: {runner.error}"])
            continue
        off = float(np.abs(means[name] / means[OURS.name] - 1).max())
        if off > 1e-5:  # noqa: PLR2004 - a mean in float32
            raise AssertionError(f"{name} computes something else: means differ by {off:.2g}.")
        cells = [milliseconds(taken[name]), ratio(taken[name], taken[OURS.name])]
        rows.append([name, runner.version, *cells, runner.peer.lacks])
    _draw({name: median(times) for name, times in taken.items()}, _inflate_times(bench))
    return table(["", "version", "ms", "× qsiparc", "does not compute"], rows)


def _inflate_times(bench: Bench) -> dict[str, float]:
    """Median seconds to inflate one map, by library."""
    runs = {
        name: timed(partial(_inflate, library, bench.maps[:1]))
        for name, library in _libraries().items()
    }
    return {name: median(times) for name, times in interleave(runs, bench.rounds).items()}


def reading(bench: Bench) -> str:
    """The twelve maps of a scan, by what inflates them and who reads them."""
    import nibabel as nib

    libraries = _libraries()
    runs = {
        f"inflate, {name}": timed(partial(_inflate, library, bench.maps))
        for name, library in libraries.items()
    }
    runs["`open_nifti(path).load()`"] = timed(
        lambda: [open_nifti(path).load().size for path in bench.maps]  # one volume at a time
    )
    runs["nibabel, checksum not looked at"] = timed(
        lambda: [np.asanyarray(nib.load(path).dataobj).size for path in bench.maps]
    )
    taken = interleave(runs, bench.rounds)
    limit = taken["inflate, zlib-ng"]
    rows = [[name, milliseconds(times), ratio(times, limit)] for name, times in taken.items()]
    return table(["twelve maps", "ms", "× zlib-ng"], rows)


def _libraries() -> dict[str, type[gzip.GzipFile]]:
    """What can inflate, as far as it is installed."""
    from isal.igzip import IGzipFile
    from zlib_ng.gzip_ng import GzipNGFile

    return {"zlib-ng": GzipNGFile, "isal": IGzipFile, "standard library": gzip.GzipFile}


def _inflate(library: type[gzip.GzipFile] | None, paths: Sequence[Path]) -> None:
    """Inflate files into memory as qsiparc does, checks and all, and nothing else."""
    with _engine(library):
        for path in paths:
            size = int.from_bytes(path.read_bytes()[-4:], "little")
            with path.open("rb") as stream:
                whole = Inflation(stream, skip=0, size=size, name=str(path))
                whole.read_into(np.empty(size, np.uint8))
                whole.finish()


def _engine(library: type[gzip.GzipFile] | None) -> ExitStack:
    """A block in which that library inflates; None leaves it to qsiparc."""
    from unittest.mock import patch

    stack = ExitStack()
    if library is not None:
        stack.enter_context(patch("qsiparc.inflate.engine", lambda: library))
    return stack


def _numbers(parcellation: Parcellation, values: np.ndarray) -> None:
    """The eight statistics of arrays in memory, and nothing around them."""
    sample = Sample(Segments(parcellation.gather(values), parcellation.offsets))
    for statistic in resolve("extended"):
        statistic(sample)


def kernel(bench: Bench) -> str:
    """The numbers alone, of arrays in memory: how they grow with regions, labels and maps."""
    fa = open_nifti(bench.maps[0]).load()

    def numbers(parcellation: Parcellation, times: int = 1) -> Callable[[], None]:
        def call() -> None:
            for _ in range(times):
                _numbers(parcellation, fa.values)

        return call

    dsegs = {n: open_nifti(bench.dseg(n)).load() for n in ATLASES}
    middle = dsegs[MIDDLE]
    spread = middle.astype(np.int64) * (FREESURFER // MIDDLE)
    half = middle.where(middle.coords["k"] % 2 == 0, 0)
    parcellations = {
        **{f"{n} regions": Parcellation.from_labels(dseg) for n, dseg in dsegs.items()},
        f"{MIDDLE} regions, int64 labels to {FREESURFER}": Parcellation.from_labels(spread),
        f"{MIDDLE} regions, every other slice": Parcellation.from_labels(half),
    }
    runs = {name: timed(numbers(one)) for name, one in parcellations.items()}
    runs[f"{MIDDLE} regions, 12 maps"] = timed(numbers(parcellations[f"{MIDDLE} regions"], 12))
    flat = {n: dseg.values.reshape(-1, order="F") for n, dseg in dsegs.items()}
    runs |= {f"factorise {n} regions": timed(partial(factorise, flat[n])) for n in ATLASES}
    runs[f"factorise {MIDDLE} regions, int64 labels to {FREESURFER}"] = timed(
        partial(factorise, spread.values.reshape(-1, order="F"))
    )
    taken = interleave(runs, bench.rounds)
    first = taken[f"{ATLASES[0]} regions"]
    rows = [[name, milliseconds(times), ratio(times, first)] for name, times in taken.items()]
    return table(["", "ms", f"× {ATLASES[0]} regions"], rows)


def overhead(bench: Bench) -> str:
    """What xarray costs on top: of one extraction in memory, and of an import."""
    fa = open_nifti(bench.maps[0]).load()
    parcellation = Parcellation.from_labels(bench.dseg(MIDDLE))
    lut = qsiparc.read_lut(bench.scan.lut_path)
    alone, imported = "the numbers alone", "`import xarray`"
    taken = interleave(
        {
            alone: timed(lambda: _numbers(parcellation, fa.values)),
            "`fa.parc.extract(atlas, lut)`": timed(lambda: fa.parc.extract(parcellation, lut)),
        },
        3 * bench.rounds,
    )
    references = dict.fromkeys(taken, alone)
    imports = {
        imported: partial(_import, "xarray"),
        "`import qsiparc`, which imports xarray": partial(_import, "qsiparc"),
        "`import qsiparc`, of it, after xarray": partial(_import, "qsiparc", after="xarray"),
    }
    taken |= interleave(imports, 2 * bench.rounds)
    references |= dict.fromkeys(imports, imported)
    rows = [
        [name, milliseconds(times), ratio(times, taken[references[name]])]
        for name, times in taken.items()
    ]
    return table(["", "ms", "× the numbers, × xarray"], rows)


def _import(name: str, *, after: str = "time") -> float:
    """Seconds to import a package into a new process, one of its own."""
    code = (
        f"import time, {after}; start = time.perf_counter(); "
        f"import {name}; print(time.perf_counter() - start)"
    )
    done = subprocess.run(  # noqa: S603 - the interpreter that runs this
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def scans(bench: Bench) -> str:
    """Twelve maps and three atlases, from disk to a part of a study."""
    from zlib_ng import gzip_ng

    out = prepare_output(bench.root, bench.work / "one")
    (task,) = make_plan(bench.root, out, Options()).tasks
    files = [*bench.maps, *map(bench.dseg, ATLASES)]
    runs = {
        "inflate the fifteen files": timed(partial(_inflate, None, files)),
        "the same, `gzip_ng.open(path).read()`": timed(
            lambda: [len(gzip_ng.open(path).read()) for path in files]
        ),
        "disk to cubes": timed(lambda: _cubes(task, threads=2)),
        "disk to cubes, on one core": timed(lambda: _cubes(task, threads=1)),
        f"disk to part, each of {IN_A_ROW} in a row": _parts(task, threads=2),
        f"disk to part, each of {IN_A_ROW} in a row, on one core": _parts(task, threads=1),
        f"disk to part, each of {IN_A_ROW} in a row, one atlas of {MIDDLE}": _parts(
            _over_one(task, MIDDLE), threads=2
        ),
    }
    taken = interleave(runs, bench.rounds)
    limit = taken["inflate the fifteen files"]
    rows = [[name, milliseconds(times), ratio(times, limit)] for name, times in taken.items()]
    return table(["one scan, one process", "ms", "× inflating"], rows)


def _over_one(task: Task, n_regions: int) -> Task:
    """The same scan over one of its atlases."""
    atlas = f"Grey{n_regions}"
    maps = [one._replace(dsegs={atlas: one.dsegs[atlas]}) for one in task.maps]
    return replace(task, maps=tuple(maps))


def _cubes(task: Task, *, threads: int) -> None:
    """What becomes of a scan before it is written."""
    with patch("qsiparc.cohort.scan.write_part"):
        list(run_tasks([task], threads=threads))


def _parts(task: Task, *, threads: int) -> Callable[[], float]:
    """Seconds for each part of several that one process writes, one after the other."""
    run = timed(lambda: list(run_tasks([task] * IN_A_ROW, threads=threads)))
    return lambda: run() / IN_A_ROW


def study(bench: Bench) -> str:
    """Studies of such scans, by `build`, archive and all: one core, one process, two processes."""
    roots = {
        n: make_study(bench.root.with_name(f"{bench.root.name}-{n}"), bench.root, n)
        for n in STUDIES
    }
    files = [*bench.maps, *map(bench.dseg, ATLASES)]
    cores = os.sched_getaffinity(0)
    ways = {
        "`build(…, executor=1)`, on one core": (1, {min(cores)}),
        "`build(…, executor=1)`": (1, cores),
        "`build(…, executor=2)`": (2, cores),
    }

    def built(n: int, executor: int, cores: set[int]) -> None:
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            qsiparc.build(roots[n], bench.work / "study", executor=executor).close()
        finally:
            os.sched_setaffinity(0, own)

    def run(n: int, executor: int, cores: set[int]) -> float:
        seconds = timed(partial(built, n, executor, cores))()
        shutil.rmtree(bench.work / "study")
        return seconds

    few, many = STUDIES
    runs: dict[str, Callable[[], float]] = {
        f"{n} {name}": partial(run, n, *way) for n in STUDIES for name, way in ways.items()
    }
    taken = interleave({"inflate": timed(partial(_inflate, None, files)), **runs}, FEW)
    each = {
        name: [
            (more - less) / (many - few)
            for more, less in zip(taken[f"{many} {name}"], taken[f"{few} {name}"], strict=True)
        ]
        for name in ways
    }
    alone = each[next(iter(ways))]
    rows = [
        [
            name,
            milliseconds(taken[f"{many} {name}"]),
            milliseconds(each[name]),
            ratio(each[name], taken["inflate"]),
            ratio(alone, each[name]),
        ]
        for name in ways
    ]
    header = [
        "",
        f"ms, {many} scans",
        "ms, each further scan",
        "× inflating it",
        "one core is ×",
    ]
    return table(header, rows)


SECTIONS: Final = {f.__name__: f for f in (peers, reading, kernel, overhead, scans, study)}


def main() -> None:
    """Run the sections, and put what they say into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all without")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--published", type=Path, default=Path(".venv-published/bin/python"))
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir(), "qsiparc-bench"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qsiparc-") as work:
        bench = Bench(make_tree(options.data), options.rounds, options.published, Path(work))
        for name in options.sections or SECTIONS:
            text = SECTIONS[name](bench)
            print(f"\n{name}\n\n{text}", flush=True)
            _insert(name, text)


def _insert(name: str, text: str) -> None:
    """Put a table between the markers of the page that bear its name."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")


def _draw(seconds: dict[str, float], inflating: dict[str, float]) -> None:
    """One map by everybody, as bars, and what inflating it takes as lines."""
    import matplotlib as mpl

    mpl.use("Agg")  # draws to files, also where there is no screen
    import matplotlib.pyplot as plt

    names = sorted(seconds, key=lambda name: -seconds[name])
    values = [1000 * seconds[name] for name in names]
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained", dpi=110)
    ours = {peer.name for peer in PEERS if peer.package == OURS.package} - PUBLISHED
    colours = ["#0072B2" if name in ours else "0.7" for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, [short(value) for value in values], padding=4)
    for name, style in (("zlib-ng", "-"), ("standard library", ":")):
        axes.axvline(
            1000 * inflating[name], color="#D55E00", ls=style, label=f"inflating the map, {name}"
        )
    axes.set(xscale="log", xlim=(1, 4 * max(values)))
    axes.set_xlabel(f"ms for one map of 145 × 174 × 145 over {MIDDLE} regions, in memory")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(FIGURE)


if __name__ == "__main__":
    main()
