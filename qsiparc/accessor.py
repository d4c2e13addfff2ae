"""The accessor ``.parc``: a signature, a docstring and one delegating line a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import xarray as xr

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    import nibabel as nib
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from qsiparc.accessor_plot import CubePlots, MapPlots
    from qsiparc.atlas import AtlasLUT
    from qsiparc.catalogue import Stats
    from qsiparc.groups import By
    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut, Unknown
    from qsiparc.validity import Range
    from qsiparc.volume import Missing
    from qsiparc.weights import Image

    Label = str | int | Sequence[Any] | slice | None


class _OnAnything:
    """What everything has that carries ``.parc``."""

    def __init__(self, obj: Any) -> None:  # noqa: ANN401 - DataArray, Dataset or DataTree
        self._obj = obj

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to a ``.zarr`` store or a ``.nc`` file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            What is there is replaced.

        Returns
        -------
        Path
            What was written; `qsiparc.open` opens it.

        Raises
        ------
        CubeError
            The name has another ending.
        FileNotFoundError
            There is no folder to write to; none is made.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((2, 2, 2), "f4"), np.eye(4)))
        >>> cube = fa.parc.extract(nib.Nifti1Image(np.ones((2, 2, 2), "i2"), np.eye(4)))
        >>> path = cube.parc.save(pathlib.Path(tempfile.mkdtemp(), "fa.nc"))
        >>> qsiparc.open(path).equals(cube)
        True
        """
        from qsiparc.archive import save

        return save(self._obj, path)

    def __repr__(self) -> str:
        from qsiparc.elsewhere import offers

        return offers(self)

    if not TYPE_CHECKING:  # a type checker should go on to find what is misspelt

        def __getattr__(self, name: str) -> NoReturn:
            from qsiparc.elsewhere import lacking

            raise lacking(self, name, PLACES[type(self)])


class _OnVolumes(_OnAnything):
    """What a map and a Dataset of maps have in common."""

    @property
    def affine(self) -> NDArray[np.float64]:
        """The (4, 4) affine from the voxel numbers ``i, j, k`` to world coordinates [mm, RAS+].

        It belongs to the coordinates, not to positions, so it stays the same when the array is
        sliced, strided, reversed or transposed.

        Raises
        ------
        SpaceError
            The array has no coordinate ``space``.
        GridMismatchError
            The coordinate is another grid's.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 4, 4)), affine))
        >>> fa.isel(i=slice(None, None, 2)).parc.affine.tolist() == affine.tolist()
        True
        """
        from qsiparc.space import file_grid

        return file_grid(self._obj).affine.copy()

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel of the array as it is now, strided or not [mm³].

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 4, 4)), affine))
        >>> fa.parc.voxel_volume, fa[::2].parc.voxel_volume
        (8.0, 16.0)
        """
        from qsiparc.space import voxel_grid

        return voxel_grid(self._obj).voxel_volume

    def extract(
        self,
        dseg: Dseg,
        lut: Lut | None = None,
        *,
        stats: Stats = "extended",
        zero_is_missing: bool = False,
        valid_range: Range | None = None,
        mask: Dseg | None = None,
        min_coverage: float = 0.0,
        min_voxels: int = 0,
        threshold: float | None = None,
        weights: Image | None = None,
        scalar: str | None = None,
        subject: str | None = None,
        unknown: Unknown = "warn",
        resample: Resample | None = None,
    ) -> xr.Dataset:
        """Statistics of every region of an atlas.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The atlas on the grid of the map; axes may run the other way. A `Parcellation` is
            factorised already: reuse one for all maps of a scan. With ``threshold`` or
            ``weights="probability"``, an atlas of probabilities.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions. All of them are in the result, in this order. None: the labels
            that are present, without names. Of a probabilistic atlas, a row a volume, with ids from
            0 or from 1 on.
        stats : str, sequence or mapping, optional
            A tier (``"core"``, ``"extended"``, ``"diagnostic"``, ``"all"``), names (see
            `qsiparc.statistics`), or functions by the names they are to have,
            ``{"p99": lambda v: np.percentile(v, 99)}``; names and mappings may stand in one list. A
            function takes the valid voxels of a region, (n,) float64 in the order of the file
            (``i`` fastest), and returns a number.
        zero_is_missing : bool, optional
            Whether a value of exactly 0 is missing, as outside a mask. The array is not changed.
        valid_range : (float, float), optional
            Values outside of it are missing; None is an open end. A map that states its own
            (``valid_range``, ``valid_min``, ``valid_max`` in its attributes, which come from its
            sidecar) is taken at its word unless one is given here.
        mask : DataArray, path, nibabel image or Parcellation, optional
            On the grid of the map, as the atlas is; voxels where it is 0 are missing.
        min_coverage : float, optional
            A region of which a smaller share of the voxels is valid has NaN statistics; counts
            (``n_voxels``, ``coverage`` …) are there all the same.
        min_voxels : int, optional
            The same, for regions with fewer valid voxels.
        threshold : float, optional
            ``dseg`` is a probabilistic atlas, a volume a region, and a voxel belongs to each region
            of which the probability is at least this, and above 0; in the numbers of the image, so
            25 for percentages. Volumes are read one at a time.
        weights : "probability", DataArray, path or nibabel image, optional
            What each voxel counts: the probabilities of a probabilistic atlas (alone, or of voxels
            above a threshold), or any other image on the grid of the map, a tissue fraction say,
            with labels or a threshold. Only relations between weights count; a voxel of weight 0
            belongs to no region. `qsiparc.statistics` has the formulas under ``weighted``.
        scalar : str, optional
            What the map shows; its name unless given.
        subject : str, optional
            Whose it is, ``sub-001`` or ``sub-001_ses-01``; from the file's name unless given.
        unknown : {"warn", "raise", "keep"}, optional
            What to do with labels that the LUT does not name. A LUT that names none of the labels
            that are present is another atlas's: with ``"warn"``, too, that is an error.
        resample : {"nearest", None}, optional
            Whether labels on another grid may be resampled, to the nearest one.

        Returns
        -------
        Dataset
            The cube: ``value`` with dims ``(region, stat, scalar, subject)`` and further dims of
            the map after these. A region without a valid voxel has NaN statistics, ``n_voxels`` 0.
            On a dask array it is lazy.

        Raises
        ------
        GridMismatchError
            The atlas is not on the map's grid.
        LabelError
            The atlas image holds no labels, or (``unknown="raise"``) labels without a name.
        LutError
            The label file is no look-up table.
        OptionError
            An option has a value that it cannot have.
        StatisticError
            A function of your own failed, or returned no number; it names statistic and region.
        UnknownStatisticError
            A statistic or tier does not exist.
        WeightError
            A weight is negative or infinite, or probabilities are percentages and the threshold is
            none.

        Warns
        -----
        GridWarning
            The grids are more than 0.001 mm, but less than 0.05 voxels apart.
        LabelWarning
            The LUT does not name some labels of the atlas; they are left out.
        NiftiWarning
            Some valid voxels are infinite or beyond ±1e38, as where a fit failed.
        WeightWarning
            Weights are NaN, which is taken as 0, or probabilities are none.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.full((2, 3, 4), 0.5, "f4"), affine))
        >>> dseg = nib.Nifti1Image(np.arange(24, dtype="i2").reshape(2, 3, 4) // 12, affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> cube.parc.sel(region=1, stat="n_voxels").value.item()
        12.0
        """
        from qsiparc.extract import extract_cube

        return extract_cube(
            self._obj,
            dseg,
            lut,
            stats=stats,
            zero_is_missing=zero_is_missing,
            valid_range=valid_range,
            mask=mask,
            min_coverage=min_coverage,
            min_voxels=min_voxels,
            threshold=threshold,
            weights=weights,
            scalar=scalar,
            subject=subject,
            unknown=unknown,
            resample=resample,
        )

    def with_affine(self, affine: ArrayLike) -> Any:  # noqa: ANN401 - what it was called on
        """The same volume with an affine, or with another one.

        Parameters
        ----------
        affine : array_like
            (4, 4) matrix from the voxel numbers ``i, j, k`` to world coordinates [mm, RAS+]. An
            array without such coordinates gets 0, 1, 2 …

        Returns
        -------
        DataArray or Dataset
            With the coordinate ``space`` and its index set.

        Raises
        ------
        SpaceError
            The affine cannot place voxels in the world, or the array has no dims ``i, j, k``.

        Examples
        --------
        >>> import numpy as np, qsiparc, xarray as xr
        >>> array = xr.DataArray(np.ones((2, 3, 4)), dims=("i", "j", "k"))
        >>> array.parc.with_affine(np.diag([2, 2, 2, 1])).space.item()[:22]
        '2×3×4, 2×2×2 mm, RAS #'
        """
        from qsiparc.space import with_affine

        return with_affine(self._obj, affine)

    def world(self) -> Any:  # noqa: ANN401 - what it was called on
        """The same volume with world coordinates ``x, y, z`` on ``(i, j, k)`` [mm, RAS+].

        They are computed when they are read, and select the nearest voxels:
        ``fa.parc.world().sel(x=xs, y=ys, z=zs, method="nearest")``, where ``xs`` … are DataArrays.

        Returns
        -------
        DataArray or Dataset
            With three more coordinates.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 4, 4)), affine))
        >>> world = fa.parc.world()
        >>> [world[axis].values[3, 0, 1].item() for axis in "xyz"]
        [6.0, 0.0, 2.0]
        """
        from qsiparc.space import with_world

        return with_world(self._obj)


@xr.register_dataarray_accessor("parc")
class DataArrayParc(_OnVolumes):
    """``.parc`` on a map or a label image."""

    _obj: xr.DataArray

    def voxels(
        self,
        dseg: Dseg,
        *,
        region: int | str,
        lut: Lut | None = None,
        coords: bool = False,
        zero_is_missing: bool = False,
        valid_range: Range | None = None,
        mask: Dseg | None = None,
        resample: Resample | None = None,
    ) -> xr.DataArray:
        """The valid voxels of one region, as they are.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The atlas, as in `extract`.
        region : int or str
            The label, or with `lut` the name.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions.
        coords : bool, optional
            Whether to add where each voxel is: ``i, j, k``, its numbers, and ``x, y, z``, its world
            coordinates [mm, RAS+].
        zero_is_missing, valid_range, mask, resample : optional
            What counts, as in `extract`.

        Returns
        -------
        DataArray
            ``(voxel,)`` in the type of the map and in the order of the file (``i`` fastest): what a
            statistic of the region is made of. Empty for a region of the LUT that is not there.

        Raises
        ------
        SelectionError
            There is no such region, or several of that name.
        CubeError
            The map has more dims than ``i, j, k``.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> values = np.arange(8, dtype="f4").reshape(2, 2, 2)
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(values, affine))
        >>> dseg = nib.Nifti1Image((values > 4).astype("u1"), affine)
        >>> found = fa.parc.voxels(dseg, region=1, coords=True)
        >>> found.values, found.x.values
        (array([6., 5., 7.], dtype=float32), array([2., 2., 2.]))
        """
        from qsiparc.regionvalues import region_voxels

        return region_voxels(
            self._obj,
            dseg,
            region=region,
            lut=lut,
            coords=coords,
            zero_is_missing=zero_is_missing,
            valid_range=valid_range,
            mask=mask,
            resample=resample,
        )

    @property
    def plot(self) -> MapPlots:
        """Figures of a map: `mosaic`, which ``plot()`` is too, and `distribution`.

        They need the extra ``[plot]``.
        """
        from qsiparc.accessor_plot import MapPlots

        return MapPlots(self._obj)

    def to_nibabel(self) -> nib.nifti1.Nifti1Image:
        """A NIfTI image of the volume as it is now: sliced, strided or reversed.

        Returns
        -------
        nibabel.Nifti1Image
            With an affine that puts each voxel where it was.

        Raises
        ------
        SpaceError
            The volume has no affine, or lost a voxel axis.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 4, 4)), affine))
        >>> fa[1:].parc.to_nibabel().affine[:3, 3].tolist()
        [2.0, 0.0, 0.0]
        """
        from qsiparc.niftiwriter import to_nibabel

        return to_nibabel(self._obj)

    def to_nifti(self, path: str | os.PathLike[str]) -> Path:
        """Write the volume to a ``.nii`` or ``.nii.gz`` file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            A file that is there is replaced. Numbers keep their type: ``.astype("float32")``
            before, and a painted volume takes half the space.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        NiftiError
            The name has another ending.
        SpaceError
            The volume has no affine, or lost a voxel axis.
        FileNotFoundError
            There is no folder to write to; none is made.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 4, 4)), affine))
        >>> path = fa.parc.to_nifti(pathlib.Path(tempfile.mkdtemp(), "fa.nii.gz"))
        >>> qsiparc.open_nifti(path).parc.affine.tolist() == affine.tolist()
        True
        """
        from qsiparc.niftiwriter import to_nifti

        return to_nifti(self._obj, path)

    def to_volume(
        self,
        dseg: Dseg,
        *,
        fill: float = float("nan"),
        missing: Missing = "warn",
    ) -> xr.DataArray:
        """Paint an array along ``region``, of t values say, onto the brain.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The label image to paint on.
        fill : float, optional
            For voxels of no region of the cube. A region without a value is NaN all the same.
        missing : {"warn", "raise", "ignore"}, optional
            What to do when ``dseg`` has labels that the cube lacks, or lacks regions that have a
            value.

        Returns
        -------
        DataArray
            ``(i, j, k)`` in float64 on the grid of ``dseg``, with ``units`` and ``long_name``;
            ``.parc.to_nifti(path)`` writes it.

        Raises
        ------
        CubeError
            There are several values for a region; the message says of what.
        LabelError
            The two have no region in common, or (``missing="raise"``) not all of them.

        Warns
        -----
        LabelWarning
            Regions are in one of the two only.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> doubled = 2 * cube.value.sel(stat="mean")
        >>> doubled.squeeze().parc.to_volume(dseg).values.ravel().tolist()
        [nan, 3.0, 3.0, 6.0]
        """
        from qsiparc.volume import to_volume

        return to_volume(self._obj, dseg, fill=fill, missing=missing)

    def relabel(
        self,
        by: By,
        lut: Lut | None = None,
        *,
        by_hemisphere: bool = False,
        unknown: Unknown = "warn",
    ) -> tuple[xr.DataArray, AtlasLUT]:
        """Merge the labels of a label image into groups.

        Parameters
        ----------
        by : str, sequence of str, or mapping
            A column of the LUT (``"network_label"``), or several; or a mapping of groups to their
            regions, or of regions to their group, where a region is a label or a name.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions. None is enough for a mapping of labels.
        by_hemisphere : bool, optional
            Whether the regions of each hemisphere make groups of their own.
        unknown : {"warn", "raise", "keep"}, optional
            What to do with labels that the LUT does not name; with ``"keep"`` a mapping may
            name them by their number.

        Returns
        -------
        merged : DataArray
            ``(i, j, k)`` in int32 on the same grid: groups from 1 in the order of their first
            region, and background, which is also whatever is in no group.
        lut : AtlasLUT
            Their names, hemispheres, and every column that has one value in each group.

        Raises
        ------
        SelectionError
            There is no such column or region.
        OptionError
            No region is in a group, or one is in two.
        LabelError
            The image holds no labels, or (``unknown="raise"``) labels without a name.

        Warns
        -----
        QsiparcWarning
            Regions have no group.
        LabelWarning
            The LUT does not name some labels of the image; they become background.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, pandas as pd, qsiparc
        >>> labels = np.array([0, 1, 2, 3], "i2").reshape(4, 1, 1)
        >>> dseg = qsiparc.open_nifti(nib.Nifti1Image(labels, np.diag([2.0, 2, 2, 1])))
        >>> names = pd.DataFrame({"index": [1, 2, 3], "name": list("abc"), "lobe": list("PFP")})
        >>> merged, lobes = dseg.parc.relabel("lobe", names)
        >>> merged.values.ravel().tolist(), lobes[2].name
        ([0, 1, 2, 1], 'F')
        """
        from qsiparc.relabel import relabel

        return relabel(self._obj, by, lut, by_hemisphere=by_hemisphere, unknown=unknown)


class _OnCubes(_OnAnything):
    """What a cube and a tree of cubes have in common."""

    def sel(
        self,
        *,
        region: Label = None,
        region_name: Label = None,
        hemisphere: Label = None,
        stat: Label = None,
        scalar: Label = None,
        software: Label = None,
        model: Label = None,
        param: Label = None,
        desc: Label = None,
        units: Label = None,
        subject: Label = None,
        participant_id: Label = None,
        session_id: Label = None,
        where: dict[str, Any] | None = None,
        **others: Label,
    ) -> Any:  # noqa: ANN401 - what it was called on
        """Select by name.

        Parameters
        ----------
        region : int or sequence of int, optional
            Integer labels.
        region_name, hemisphere, stat, scalar, subject : str or sequence of str, optional
            Names; case counts only where it must. Of a ``subject``, the whole one:
            ``sub-001_ses-01`` where there are sessions.
        software, model, param, desc, units : str or sequence of str, optional
            What a scalar is made of: ``param="fa"`` is the FA of every software.
        participant_id, session_id : str or sequence of str, optional
            Of a participant, with whatever sessions there are: ``participant_id="sub-001"``.
        where : dict, optional
            The same of any coordinate, by a name that is kept in a variable, or that is none of
            Python's: ``where={"Yeo 7": "Vis"}``.
        **others : str, int or sequence of them
            Any other coordinate, such as a column of the look-up table: ``network_label="Vis"``.

        Returns
        -------
        Dataset or DataTree
            One value of ``region``, ``stat``, ``scalar`` or ``subject``, or a ``region_name`` that
            one region has, drops the dimension; everything else keeps it.

        Raises
        ------
        SelectionError
            Nothing has that name (a `KeyError`); near ones are named.
        OptionError
            ``where`` is no dict, or says again what an argument says; or another coordinate is
            asked to be None.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> cube.parc.sel(region=7, stat="mean").value.item()
        3.0
        >>> dict(cube.parc.sel(region_name="region_0001", stat=["mean", "std"]).sizes)
        {'stat': 2, 'scalar': 1, 'subject': 1}
        """
        from qsiparc.selection import select, wanted_of

        wanted = {
            "region": region,
            "region_name": region_name,
            "hemisphere": hemisphere,
            "stat": stat,
            "scalar": scalar,
            "software": software,
            "model": model,
            "param": param,
            "desc": desc,
            "units": units,
            "subject": subject,
            "participant_id": participant_id,
            "session_id": session_id,
        }
        return select(self._obj, wanted_of(wanted, where, others))

    def to_long(self) -> pd.DataFrame:
        """The documented long table.

        Returns
        -------
        DataFrame
            A row a region, scalar and subject, of a tree also atlas. ``subject``, ``session`` and
            ``atlas`` come first where the cube knows them, then the documented columns
            (`qsiparc.extract.OUTPUT_COLUMNS`), of which those that were not computed are NaN, then
            other statistics, other dims, what the scalar is made of, and the LUT's other columns.
            `qsiparc.from_long` makes the cube again.

        Raises
        ------
        CubeError
            This is no cube.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> cube.parc.to_long()[["subject", "region_index", "scalar", "mean", "n_voxels"]]
           subject  region_index scalar  mean  n_voxels
        0  sub-001             1     FA   1.5         2
        1  sub-001             7     FA   3.0         1
        """
        from qsiparc.table import to_long

        return to_long(self._obj)

    def to_tsv(self, path: str | os.PathLike[str]) -> Path:
        """Write the long table to a TSV, all digits kept, with a JSON sidecar of how it was made.

        Parameters
        ----------
        path : str or Path
            Ending in ``.tsv``.

        Returns
        -------
        Path
            The TSV.

        Raises
        ------
        CubeError
            This is no cube, or the name has another ending.
        FileNotFoundError
            There is no folder to write to; none is made.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> path = cube.parc.to_tsv(pathlib.Path(tempfile.mkdtemp(), "fa.tsv"))
        >>> sorted(written.name for written in path.parent.iterdir())
        ['fa.json', 'fa.tsv']
        """
        from qsiparc.table import write_tsv

        return write_tsv(self._obj, path)

    def join_participants(
        self,
        participants: str | os.PathLike[str] | pd.DataFrame,
        *,
        columns: Sequence[str] | None = None,
    ) -> Any:  # noqa: ANN401 - what it was called on
        """Phenotypes as coordinates on ``subject``; see `qsiparc.participants.join_participants`.

        Parameters
        ----------
        participants : str, Path or DataFrame
            ``participants.tsv``: rows by ``participant_id``, and ``session_id`` where there is one;
            ids with or without ``sub-`` and ``ses-``.
        columns : sequence of str, optional
            Which columns; all unless given.

        Returns
        -------
        Dataset or DataTree
            Numbers are float64, NaN where there is none; all else is text, empty where there is
            none.

        Raises
        ------
        CubeError
            Two rows of one scan, no row that matches, no such column, or a name that is taken.

        Warns
        -----
        QsiparcWarning
            Scans without a row, and rows without a scan; both are named.

        Examples
        --------
        >>> import pandas as pd
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> people = pd.DataFrame({"participant_id": ["sub-001"], "age": [34]})
        >>> cube.parc.join_participants(people).age.values
        array([34.])
        """
        from qsiparc.participants import join_participants

        return join_participants(self._obj, participants, columns=columns)

    def aggregate(
        self,
        by: By,
        *,
        by_hemisphere: bool = False,
        stats: Sequence[str] | None = None,
    ) -> Any:  # noqa: ANN401 - what it was called on
        """Combine regions into groups, exactly, from their counts and moments.

        The result is what extraction with merged labels gives, to rounding, for regions that share
        no voxel. That goes for ``mean``, ``std``, ``skewness``, ``kurtosis``, ``n_voxels``,
        ``coverage``, ``mask_coverage``, ``n_atlas_voxels``, ``n_zero``, ``n_nonfinite``, ``sum``,
        ``volume_mm3``, ``minimum`` and ``maximum``. A median does not follow from medians; for it,
        merge the labels with ``dseg.parc.relabel`` and extract again.

        Parameters
        ----------
        by : str, sequence of str, or mapping
            A column beside the regions (``"network_label"``), or several; or a mapping, either of
            groups to their regions, which may overlap, or as in pandas of regions to their group. A
            region is a label or a name; a name that several regions have stands for all of them.
            Regions that a mapping does not name are left out.
        by_hemisphere : bool, optional
            Whether the regions of each hemisphere make groups of their own. Without it, a group
            with regions of both sides has the hemisphere ``bilateral``.
        stats : sequence of str, optional
            Which statistics; all that can be pooled unless given.

        Returns
        -------
        Dataset or DataTree
            A cube whose ``region`` are the groups, numbered from 1 in the order of their first
            region. ``region_name`` is the group, several columns joined with ``_``;
            ``member_labels`` are the labels it is made of, and ``to_volume`` paints by them; any
            other column that has one value in each group is kept. On dask it is lazy.

        Raises
        ------
        SelectionError
            There is no such column or region.
        OptionError
            No region is in a group, or one stands twice in the same.
        CubeError
            A statistic that was asked for cannot be pooled, or none can.

        Warns
        -----
        QsiparcWarning
            Statistics that cannot be pooled are left out; regions have no group; or the coverage of
            a group is not known, and NaN, since one of its regions has no valid voxel and the cube
            no ``n_atlas_voxels``; or the mean, since one has voxels and no mean.

        Notes
        -----
        The formulas are those of Pébay (2008), *Formulas for robust, one-pass parallel computation
        of covariances and arbitrary-order statistical moments*, Sandia report SAND2008-6212.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, pandas as pd, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(6.0).reshape(6, 1, 1), affine))
        >>> labels = np.array([1, 2, 2, 3, 3, 3], "i2").reshape(6, 1, 1)
        >>> names = pd.DataFrame({"index": [1, 2, 3], "name": list("abc"), "lobe": list("FFP")})
        >>> cube = fa.parc.extract(nib.Nifti1Image(labels, affine), names, stats="core")
        >>> lobes = cube.parc.aggregate("lobe", stats=["mean", "n_voxels"])
        >>> lobes.region_name.values.tolist(), lobes.value.sel(stat="mean").values.ravel().tolist()
        (['F', 'P'], [1.0, 4.0])
        """
        from qsiparc.aggregate import aggregate

        return aggregate(self._obj, by, by_hemisphere=by_hemisphere, stats=stats)

    def laterality(self, *, kind: Literal["index", "difference"] = "index") -> Any:  # noqa: ANN401 - what it was called on
        """How left and right differ, for each pair of regions.

        Pairs are regions of the two hemispheres that have one name without their side:
        ``LH_Vis_1`` and ``RH_Vis_1``, ``Left-Caudate`` and ``Right-Caudate``, ``V1_L`` and
        ``V1_R``, or twice the same name. One name need not be one area: the parcels of Schaefer,
        say, are numbered on each side by itself.

        Parameters
        ----------
        kind : {"index", "difference"}, optional
            The laterality index ``(L − R) / (L + R)``, from −1 to 1 and positive where left is
            larger, or the plain difference ``L − R`` in the unit of the statistic.

        Returns
        -------
        Dataset or DataTree
            A cube whose ``region`` are the pairs, numbered from 1 in the order of the left ones.
            ``region_name`` is the name without the side; ``member_labels`` the labels, left and
            right, by which ``to_volume`` paints both. Columns that say the same of both are kept.
            The index of any statistic has the unit 1. On dask it is lazy.

        Raises
        ------
        CubeError
            There are no pairs, or two regions of one side have the same name without it.

        Warns
        -----
        QsiparcWarning
            Regions have no counterpart, and are left out; they are named.

        Notes
        -----
        The index is that of Seghier (2008), *Laterality index in functional MRI: methodological
        issues*, Magnetic Resonance Imaging 26:594-601, with the factor 1. It compares amounts, and
        is NaN where L and R have different signs (of a skewness, say) or both are 0; there, take
        the difference.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, pandas as pd, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> values, labels = np.array([[0.75, 0.25], [1, 2]]).reshape(2, 2, 1, 1)
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(values, affine))
        >>> names = pd.DataFrame({"index": [1, 2], "name": ["AF_L", "AF_R"]})
        >>> cube = fa.parc.extract(nib.Nifti1Image(labels, affine), names, stats=["mean"])
        >>> cube.parc.laterality().value.item()
        0.5
        """
        from qsiparc.laterality import laterality

        return laterality(self._obj, kind=kind)


@xr.register_dataset_accessor("parc")
class DatasetParc(_OnVolumes, _OnCubes):
    """``.parc`` on a Dataset of maps, and on a cube."""

    _obj: xr.Dataset

    @property
    def plot(self) -> CubePlots:
        """Figures of a cube: `regions`, which ``plot()`` is too, `heatmap`, `coverage` and others.

        They need the extra ``[plot]``.
        """
        from qsiparc.accessor_plot import CubePlots

        return CubePlots(self._obj)

    def to_volume(
        self,
        dseg: Dseg,
        *,
        stat: str | None = None,
        scalar: str | None = None,
        subject: str | None = None,
        fill: float = float("nan"),
        missing: Missing = "warn",
    ) -> xr.DataArray:
        """A volume in which every voxel of a region holds the region's value.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The label image to paint on. It need not be the one that the cube was made with.
        stat, scalar, subject : str, optional
            Which value; needed where the cube has more than one.
        fill : float, optional
            For voxels of no region of the cube. A region without a value is NaN all the same.
        missing : {"warn", "raise", "ignore"}, optional
            What to do when ``dseg`` has labels that the cube lacks, or lacks regions that have a
            value.

        Returns
        -------
        DataArray
            ``(i, j, k)`` in float64 on the grid of ``dseg``, with ``units`` and ``long_name``;
            ``.parc.to_nifti(path)`` writes it.

        Raises
        ------
        CubeError
            There are several values for a region; the message says of what.
        LabelError
            The two have no region in common, or (``missing="raise"``) not all of them.

        Warns
        -----
        LabelWarning
            Regions are in one of the two only.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA")
        >>> cube.parc.to_volume(dseg, stat="mean").values.ravel().tolist()
        [nan, 1.5, 1.5, 3.0]
        """
        from qsiparc.volume import to_volume

        return to_volume(
            self._obj,
            dseg,
            stat=stat,
            scalar=scalar,
            subject=subject,
            fill=fill,
            missing=missing,
        )


@xr.register_datatree_accessor("parc")
class DataTreeParc(_OnCubes):
    """``.parc`` on a tree of cubes, a child an atlas."""

    _obj: xr.DataTree

    def to_volume(
        self,
        dseg: Dseg,
        *,
        atlas: str | None = None,
        stat: str | None = None,
        scalar: str | None = None,
        subject: str | None = None,
        fill: float = float("nan"),
        missing: Missing = "warn",
    ) -> xr.DataArray:
        """A volume in which every voxel of a region holds the region's value.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The label image to paint on.
        atlas : str, optional
            Which cube of the tree; unless given, the one that the name of ``dseg`` says, or the
            only one.
        stat, scalar, subject : str, optional
            Which value; needed where the cube has more than one.
        fill : float, optional
            For voxels of no region of the cube. A region without a value is NaN all the same.
        missing : {"warn", "raise", "ignore"}, optional
            What to do when ``dseg`` has labels that the cube lacks, or lacks regions that have a
            value.

        Returns
        -------
        DataArray
            ``(i, j, k)`` in float64 on the grid of ``dseg``, with ``units`` and ``long_name``;
            ``.parc.to_nifti(path)`` writes it.

        Raises
        ------
        CubeError
            There are several values for a region; the message says of what.
        LabelError
            The two have no region in common, or (``missing="raise"``) not all of them.

        Warns
        -----
        LabelWarning
            Regions are in one of the two only.

        Examples
        --------
        >>> import xarray as xr
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> affine = np.diag([2.0, 2, 2, 1])
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
        >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
        >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
        >>> study = xr.DataTree.from_dict({"Tiny": cube})
        >>> volume = study.parc.to_volume(dseg, atlas="Tiny", stat="mean")
        >>> volume.values.ravel().tolist()
        [nan, 1.5, 1.5, 3.0]
        """
        from qsiparc.volume import to_volume

        return to_volume(
            self._obj,
            dseg,
            atlas=atlas,
            stat=stat,
            scalar=scalar,
            subject=subject,
            fill=fill,
            missing=missing,
        )


PLACES: Final[dict[type, dict[type, str]]] = {
    DataArrayParc: {
        DatasetParc: "A cube has it, the whole Dataset: cube.parc, not cube.value.parc."
    },
    DatasetParc: {DataArrayParc: "A DataArray has it, one map or label image: maps['FA'].parc."},
    DataTreeParc: {
        _OnVolumes: "Maps and label images have it, which are on a grid: fa.parc. A cube is not.",
        DatasetParc: "Its cubes have it: tree['4S156Parcels'].to_dataset().parc.",
    },
}
"""Where a method is that somebody looks for in the wrong place."""
