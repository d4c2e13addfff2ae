"""The rooms of the house: who may import whom (the table is explained in docs/design.md)."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import qsiparc

PACKAGE = Path(qsiparc.__file__).parent
FOUNDATION = {"arguments", "atomic", "missing", "names", "errors", "options", "regular", "version"}
MAY_IMPORT = {
    "__init__": {"accessor"},
    "__main__": {"cli"},
    "accessor": {
        "accessor_plot",
        "aggregate",
        "archive",
        "cube",
        "elsewhere",
        "extract",
        "laterality",
        "nifti",
        "niftiwriter",
        "participants",
        "relabel",
        "regionvalues",
        "selection",
        "space",
        "table",
        "volume",
    },
    "accessor_plot": {"elsewhere", "plot"},
    "aggregate": {"cube", "groups", "pooling"},
    "ahead": set(),
    "answer": {"catalogue.own", "coords", "cube", "reduce"},
    "archive": {"cube", "guarded", "manifest", "partfile", "seal", "space"},
    "arguments": set(),
    "atomic": set(),
    "atlas": {"atlas.files", "atlas.hemisphere", "atlas.table", "entities", "parcellation"},
    "atlas.columns": {"atlas.hemisphere"},
    "atlas.delimited": {"atlas.columns"},
    "atlas.files": {"atlas.columns", "atlas.delimited", "atlas.jsonfile", "atlas.text"},
    "atlas.display": {"markup"},
    "atlas.frame": {"atlas.columns"},
    "atlas.hemisphere": set(),
    "atlas.jsonfile": {"atlas.columns"},
    "atlas.table": {"atlas.columns", "atlas.display", "atlas.frame"},
    "atlas.text": set(),
    "backend": {"nifti"},
    "catalogue": {
        "catalogue.declaration",
        "catalogue.own",
        "catalogue.registry",
        "catalogue.sample",
    },
    "catalogue.centre": {"catalogue.declaration", "ranks"},
    "catalogue.counts": {"catalogue.declaration"},
    "catalogue.declaration": set(),
    "catalogue.filtered": {"catalogue.centre", "catalogue.declaration", "ranks"},
    "catalogue.normality": {"catalogue.declaration", "ranks"},
    "catalogue.identity": set(),
    "catalogue.own": {"catalogue.declaration", "catalogue.identity"},
    "catalogue.registry": {
        "catalogue.centre",
        "catalogue.counts",
        "catalogue.filtered",
        "catalogue.normality",
        "catalogue.own",
        "catalogue.shape",
    },
    "catalogue.sample": {"ranks"},
    "catalogue.shape": {"catalogue.declaration", "catalogue.filtered", "ranks"},
    "buffer": set(),
    "captions": {"catalogue"},
    "cube": set(),
    "cli": {"cli_build", "cli_finalize", "cli_options", "cli_quality", "discover"},
    "cli_build": {
        "cli_options",
        "cli_report",
        "cohort.assemble",
        "cohort.plan",
        "cohort.study",
        "validity",
    },
    "cli_options": {"cohort.plan", "validity"},
    "cli_report": {"cohort.output", "cohort.plan", "cohort.study"},
    "cli_finalize": {"cli_options", "cli_report", "cohort.assemble", "cohort.failures"},
    "cli_quality": {"report"},
    "cohort": {"cohort.assemble", "cohort.plan", "cohort.study", "progress", "validity"},
    "cohort.agree": set(),
    "cohort.assemble": {
        "archive",
        "cohort.derivative",
        "cohort.failures",
        "cohort.layout",
        "cohort.lock",
        "cohort.longwriter",
        "cohort.netcdfwriter",
        "cohort.parts",
        "cohort.zarrwriter",
        "report",
    },
    "cohort.blocks": {"cohort.reading"},
    "cohort.derivative": {"entities"},
    "cohort.executors": {"ahead", "cohort.record", "cohort.scan"},
    "cohort.failures": {"cohort.parts", "cohort.record"},
    "cohort.choices": {"catalogue", "cohort.parts", "partfile"},
    "cohort.fingerprint": {"catalogue", "catalogue.own", "cohort.choices", "cohort.parts"},
    "cohort.layout": {"cohort.agree", "cohort.reading", "cube", "entities", "progress"},
    "cohort.lock": set(),
    "cohort.longwriter": {
        "cohort.blocks",
        "cohort.derivative",
        "cohort.parts",
        "progress",
        "table",
    },
    "cohort.maps": {"grid", "joint", "nifti", "parcellation", "sieve"},
    "cohort.reader": {"cohort.maps", "nifti", "parcellation"},
    "cohort.reducer": {"catalogue", "masking", "reduce", "regions"},
    "cohort.netcdfwriter": {"cohort.blocks", "cube", "manifest", "seal"},
    "cohort.parts": {"manifest", "partfile", "partwriter"},
    "cohort.plan": {
        "catalogue",
        "cohort.record",
        "cohort.task",
        "cohort.wanted",
        "discover",
        "validity",
    },
    "cohort.reading": {"cohort.parts", "cohort.record", "partfile"},
    "cohort.record": set(),
    "cohort.output": {"cohort.derivative"},
    "cohort.study": {
        "catalogue",
        "cohort.choices",
        "cohort.executors",
        "cohort.failures",
        "cohort.fingerprint",
        "cohort.lock",
        "cohort.output",
        "cohort.parts",
        "cohort.plan",
        "cohort.record",
        "cohort.scan",
    },
    "cohort.scan": {
        "ahead",
        "cohort.maps",
        "cohort.parts",
        "cohort.reader",
        "cohort.record",
        "cohort.reducer",
        "cohort.work",
        "sieve",
    },
    "cohort.task": {"cohort.record", "validity"},
    "cohort.wanted": {"cohort.parts"},
    "cohort.work": {
        "answer",
        "catalogue",
        "cohort.maps",
        "coords",
        "cube",
        "masking",
        "parcellation",
        "reduce",
        "regions",
        "sidecar",
    },
    "cohort.zarrwriter": {"archive", "cohort.blocks", "cube", "manifest"},
    "discover": {
        "discover.bidsfile",
        "discover.dataset",
        "discover.found",
        "discover.matching",
        "discover.shelf",
        "discover.views",
        "entities",
    },
    "discover.bidsfile": set(),
    "discover.dataset": {
        "discover.bidsfile",
        "discover.display",
        "discover.found",
        "discover.identity",
        "discover.matching",
        "discover.pairing",
        "discover.shelf",
        "discover.tables",
        "entities",
    },
    "discover.display": {"markup"},
    "discover.found": {"discover.bidsfile", "discover.identity", "discover.walk", "entities"},
    "discover.grids": {"nifti"},
    "discover.identity": set(),
    "discover.matching": set(),
    "discover.pairing": {"discover.grids", "discover.identity"},
    "discover.shelf": {"atlas", "discover.identity", "parcellation"},
    "discover.tables": set(),
    "discover.views": {
        "discover.bidsfile",
        "discover.dataset",
        "discover.found",
        "discover.matching",
        "discover.pairing",
        "discover.walk",
        "entities",
    },
    "discover.walk": {"progress"},
    "elsewhere": set(),
    "entities": set(),
    "errors": set(),
    "extract": {
        "answer",
        "catalogue",
        "cube",
        "coords",
        "masking",
        "nifti",
        "over",
        "reduce",
        "space",
        "table",
        "validity",
        "weights",
        "voxels",
    },
    "fromlong": {"cube", "longcolumns", "longfile", "table"},
    "longcolumns": {"catalogue", "coords", "table", "tsv"},
    "longfile": {"table", "tsv"},
    "grid": {"grid.lattice", "grid.matching"},
    "grid.lattice": set(),
    "grid.matching": {"grid.lattice"},
    "groups": set(),
    "coords": {"cube"},
    "guarded": set(),
    "header": {"headerchecks", "inflate", "unreadable"},
    "headerchecks": set(),
    "inflate": set(),
    "joint": {"kernels"},
    "kernels": set(),
    "labels": set(),
    "laterality": {"atlas.hemisphere", "cube", "groups"},
    "masking": {"parcellation", "placing"},
    "markup": set(),
    "memory": set(),
    "missing": set(),
    "names": set(),
    "manifest": set(),
    "niftiwriter": {"grid", "space", "voxels"},
    "nifti": {"entities", "grid", "header", "sidecar", "space", "unreadable", "voxels"},
    "onepass": set(),
    "options": set(),
    "over": {
        "ahead",
        "answer",
        "kernels",
        "masking",
        "placing",
        "probreduce",
        "probseg",
        "reduce",
        "regions",
        "weights",
    },
    "parcellation": {"entities", "grid", "kernels", "labels", "nifti", "sizes", "space"},
    "participants": {"coords", "cube", "tsv"},
    "phantom": set(),
    "phantom.atlas": {"phantom.brain"},
    "phantom.brain": set(),
    "phantom.catalogue": {"entities"},
    "phantom.maps": {"phantom.brain"},
    "phantom.scan": {"phantom.atlas", "phantom.brain", "phantom.maps"},
    "placing": {"grid", "parcellation", "space"},
    "partattrs": set(),
    "partfile": {"cube", "manifest", "partattrs", "seal"},
    "partwriter": {"cube", "manifest", "partattrs", "seal"},
    "plot": {
        "plot.behind",
        "plot.histogram",
        "plot.matrix",
        "plot.ranking",
        "plot.slices",
        "plot.strips",
    },
    "plot.behind": {
        "coords",
        "cube",
        "plot.choice",
        "plot.histogram",
        "plot.strips",
        "regionvalues",
    },
    "plot.choice": {"cube", "selection"},
    "plot.histogram": {
        "captions",
        "kernels",
        "parcellation",
        "plot.style",
        "regionvalues",
        "space",
    },
    "plot.matrix": {"captions", "plot.choice", "plot.style"},
    "plot.ranking": {"captions", "plot.choice", "plot.style", "selection"},
    "plot.slices": {"captions", "parcellation", "plot.style", "plot.world", "regionvalues"},
    "plot.strips": {"captions", "cube", "plot.choice", "plot.style"},
    "plot.style": set(),
    "plot.world": {"grid", "labels", "parcellation", "space"},
    "pooling": set(),
    "probreduce": {"kernels", "masking", "reduce", "weights"},
    "probseg": {
        "entities",
        "grid",
        "kernels",
        "nifti",
        "onepass",
        "parcellation",
        "space",
        "weights",
    },
    "progress": set(),
    "ranks": {"kernels"},
    "reduce": {"catalogue", "catalogue.sample", "kernels", "weighted"},
    "regionvalues": {
        "coords",
        "labels",
        "masking",
        "placing",
        "regions",
        "space",
        "validity",
    },
    "regions": {"atlas", "entities", "labels"},
    "regular": set(),
    "report": {
        "archive",
        "report.finding",
        "report.inspection",
        "report.mosaics",
        "report.notes",
        "report.page",
        "report.sheets",
    },
    "report.coverage": {"report.finding", "report.robust", "report.volumes"},
    "report.distribution": {"report.robust"},
    "report.drawing": set(),
    "report.finding": set(),
    "report.inspection": {
        "progress",
        "report.coverage",
        "report.distribution",
        "report.finding",
        "report.levels",
        "report.robust",
        "report.sides",
        "report.values",
        "report.volumes",
    },
    "report.levels": {"report.robust"},
    "report.mosaics": {"nifti", "plot", "report.notes"},
    "report.notes": {
        "cohort.derivative",
        "cohort.failures",
        "cohort.parts",
        "cohort.reading",
    },
    "report.page": {"report.drawing", "report.finding"},
    "report.robust": set(),
    "report.sheets": set(),
    "report.sides": {"laterality", "report.robust", "report.volumes"},
    "report.values": {"report.finding", "report.robust", "report.volumes"},
    "report.volumes": {"report.finding", "report.robust"},
    "relabel": {"atlas", "groups", "parcellation", "regions"},
    "scalarstats": {
        "atlas",
        "cube",
        "discover",
        "discover.identity",
        "groups",
        "scalartable",
    },
    "scalartable": {"coords", "discover.identity", "entities", "groups", "tsv"},
    "tsv": set(),
    "selection": {"cube"},
    "seal": set(),
    "sieve": {"buffer", "kernels"},
    "sidecar": set(),
    "sizes": {"markup"},
    "space": {"space.grids", "space.index", "space.world"},
    "space.grids": {"grid", "space.index"},
    "space.index": {"grid"},
    "space.world": {"space.grids"},
    "table": {"cube"},
    "tutorial": {
        "niftiwriter",
        "phantom.atlas",
        "phantom.catalogue",
        "phantom.scan",
        "progress",
        "space",
    },
    "unreadable": {"inflate"},
    "version": set(),
    "validity": {"ranks"},
    "volume": {"captions", "cube", "labels", "parcellation", "selection", "space"},
    "voxels": {"inflate", "memory", "onepass"},
    "weighted": {"kernels"},
    "weights": {"grid", "nifti", "space"},
}
NIBABEL = {"header", "nifti", "niftiwriter", "voxels"}


def room_imports(path):
    """Modules that a room imports at run time, inside functions too, but not for typing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            ours = str(node.module).split(".")[0] == "qsiparc"
            yield from (f"{node.module}.{a.name}" if ours else str(node.module) for a in node.names)


def room_name(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


ROOMS = {room_name(path): set(room_imports(path)) for path in PACKAGE.rglob("*.py")}


def known_room(name):
    """The room that a dotted name is in."""
    rest = name.removeprefix("qsiparc.")
    while rest and rest not in ROOMS:
        rest = rest.rpartition(".")[0]
    return rest or "__init__"


def test_every_room_has_a_row():
    assert set(ROOMS) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_what_it_may(room):
    ours = {known_room(name) for name in ROOMS[room] if name.startswith("qsiparc.")}
    assert ours <= MAY_IMPORT[room] | (FOUNDATION - {room})


def test_imports_go_one_way():
    order = list(TopologicalSorter(MAY_IMPORT).static_order())
    assert order.index("kernels") < order.index("parcellation") < order.index("extract")


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_only_the_nifti_rooms_import_nibabel(room):
    imports = {name.split(".")[0] for name in ROOMS[room]}
    assert ("nibabel" in imports) == (room in NIBABEL)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_only_the_figures_import_matplotlib_and_none_keeps_state(room):
    imports = {name for name in ROOMS[room] if name.startswith("matplotlib")}
    assert not imports or room.startswith("plot") or room == "report.mosaics"  # for a Figure
    assert "matplotlib.pyplot" not in imports or room == "plot.style"  # inside of axes_or_new


@pytest.mark.parametrize("room", ["kernels", "pooling", "ranks", "weighted"])
def test_kernels_are_numpy_and_nothing_else(room):
    ours = {name for name in ROOMS[room] if known_room(name) == "kernels"}
    assert ROOMS[room] - ours <= {"__future__", "functools", "itertools", "typing", "numpy"}


def test_the_backend_imports_nothing_that_xarray_has_not():
    standard = {"__future__", "os", "typing", "zlib"}  # which importing xarray loads anyway
    assert ROOMS["backend"] <= standard | {"xarray.backends", "qsiparc.nifti.read_dataset"}
