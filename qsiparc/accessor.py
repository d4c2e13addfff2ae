"""The accessor ``.parc``: a signature, a docstring and one delegating line a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut, Unknown
    from qsiparc.volume import Missing

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
        """
        from qsiparc.archive import save

        return save(self._obj, path)


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
        """
        from qsiparc.space import file_grid

        return file_grid(self._obj).affine.copy()

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel of the array as it is now, strided or not [mm³]."""
        from qsiparc.space import voxel_grid

        return voxel_grid(self._obj).voxel_volume

    def extract(
        self,
        dseg: Dseg,
        lut: Lut | None = None,
        *,
        stats: str | Sequence[str] = "extended",
        zero_is_missing: bool = False,
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
            factorised already: reuse one for all maps of a scan.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions. All of them are in the result, in this order. None: the labels
            that are present, without names.
        stats : str or sequence of str, optional
            A tier, ``"core"`` or ``"extended"``, or names; see `qsiparc.statistics`.
        zero_is_missing : bool, optional
            Whether a value of exactly 0 is missing, as outside a mask. The array is not changed.
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
        UnknownStatisticError
            A statistic or tier does not exist.

        Warns
        -----
        GridWarning
            The grids are more than 0.001 mm, but less than 0.05 voxels apart.
        LabelWarning
            The LUT does not name some labels of the atlas; they are left out.

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
        """
        from qsiparc.space import with_world

        return with_world(self._obj)


@xr.register_dataarray_accessor("parc")
class DataArrayParc(_OnVolumes):
    """``.parc`` on a map or a label image."""

    _obj: xr.DataArray

    @property
    def plot(self) -> MapPlots:
        """Figures of a map: `mosaic`, `distribution`. They need the extra ``[plot]``."""
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
        """
        from qsiparc.nifti import to_nibabel

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
        """
        from qsiparc.nifti import to_nifti

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
        """
        from qsiparc.volume import to_volume

        return to_volume(self._obj, dseg, fill=fill, missing=missing)


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
        subject: Label = None,
        where: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what it was called on
        """Select by name.

        Parameters
        ----------
        region : int or sequence of int, optional
            Integer labels.
        region_name, hemisphere, stat, scalar, subject : str or sequence of str, optional
            Names; case counts only where it must.
        where : dict, optional
            Values of any other coordinate: ``where={"network_label": "Vis"}``.

        Returns
        -------
        Dataset or DataTree
            One value of ``region``, ``stat``, ``scalar`` or ``subject``, or a ``region_name`` that
            one region has, drops the dimension; everything else keeps it.

        Raises
        ------
        SelectionError
            Nothing has that name (a `KeyError`); near ones are named.
        """
        from qsiparc.cube import select

        wanted = {
            "region": region,
            "region_name": region_name,
            "hemisphere": hemisphere,
            "stat": stat,
            "scalar": scalar,
            "subject": subject,
            **(where or {}),
        }
        return select(self._obj, wanted)

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
        """
        from qsiparc.participants import join_participants

        return join_participants(self._obj, participants, columns=columns)


@xr.register_dataset_accessor("parc")
class DatasetParc(_OnVolumes, _OnCubes):
    """``.parc`` on a Dataset of maps, and on a cube."""

    _obj: xr.Dataset

    @property
    def plot(self) -> CubePlots:
        """Figures of a cube: `regions`, `heatmap`, `coverage`, `distribution`.

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
