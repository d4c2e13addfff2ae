"""The figures of ``.parc.plot``: a signature, a docstring and one delegating line a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut
    from qsiparc.validity import Range


class MapPlots:
    """``.parc.plot`` on a map. It needs the extra ``[plot]``.

    Called itself, ``.parc.plot()`` is `mosaic`.
    """

    def __init__(self, obj: xr.DataArray) -> None:
        self._obj = obj

    def __repr__(self) -> str:
        from qsiparc.elsewhere import offers

        return offers(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            from qsiparc.elsewhere import lacking

            raise lacking(self, name, {CubePlots: "A cube has it, what .parc.extract returns."})

    def mosaic(
        self,
        dseg: Dseg | None = None,
        *,
        display_mode: Literal["x", "y", "z", "ortho", "mosaic"] = "z",
        cut_coords: int | Sequence[float] | None = None,
        region: int | str | Sequence[int | str] | None = None,
        lut: Lut | None = None,
        columns: int = 5,
        radiological: bool = False,
        cmap: str | Colormap | None = None,
        vmin: float | None = None,
        vmax: float | None = None,
        robust: bool = True,
        colorbar: bool = True,
        resample: Resample | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Slices in the orientation of the world, with the outlines of regions.

        The array is turned by whole quarter turns to the orientation nearest to RAS, and nothing
        is interpolated: on an oblique grid a slice is a plane of voxels, and ``z ≈ 12 mm`` is where
        its middle lies.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation, optional
            Whose regions are outlined.
        display_mode : {"z", "y", "x", "ortho", "mosaic"}, optional
            As in nilearn: slices across one axis, one across each, or a row across each.
        cut_coords : int or sequence of float, optional
            How many slices (of ``"mosaic"``, in a row), or where they are [mm]; of ``"ortho"``
            three places, x, y, z.
        region : int, str or sequence, optional
            Regions to mark, by label or with `lut` by name; slices go through them unless
            ``cut_coords`` says where.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions.
        columns : int, optional
            Slices side by side.
        radiological : bool, optional
            Whether the patient's left is on the right. Both sides are marked in either case.
        cmap : str or Colormap, optional
            Colours; unless given, grey below outlines and viridis without, or, of values on both
            sides of 0, red and blue around it.
        vmin, vmax : float, optional
            Where the colours begin and end.
        robust : bool, optional
            Whether they begin and end at the 2nd and 98th percentile of the values other than 0,
            unless given, and not at the extremes. Ends of the colour bar say what lies beyond.
        colorbar : bool, optional
            Whether there is one, with the unit.
        resample : {"nearest", None}, optional
            As in `extract`.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            With an image a slice.

        Raises
        ------
        GridMismatchError
            The atlas is not on the map's grid.
        LabelError
            The dseg has no such region.
        SelectionError
            No region has that name, or several have.
        SpaceError
            A slice was asked for beyond the volume, or the map has more than three dimensions.

        Examples
        --------
        >>> import nibabel as nib, numpy as np, qsiparc
        >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 5, 6)), np.diag([2, 2, 2, 1])))
        >>> ax = fa.parc.plot.mosaic(cut_coords=[4, 6])
        >>> [text.get_text() for text in ax.texts]
        ['L', 'R', 'L', 'R', 'z = 4 mm', 'z = 6 mm']
        """
        from qsiparc.plot import mosaic

        return mosaic(
            self._obj,
            dseg,
            display_mode=display_mode,
            cut_coords=cut_coords,
            region=region,
            lut=lut,
            columns=columns,
            radiological=radiological,
            cmap=cmap,
            vmin=vmin,
            vmax=vmax,
            robust=robust,
            colorbar=colorbar,
            resample=resample,
            ax=ax,
        )

    __call__ = mosaic

    def distribution(
        self,
        dseg: Dseg,
        *,
        region: int | str,
        lut: Lut | None = None,
        zero_is_missing: bool = False,
        valid_range: Range | None = None,
        mask: Dseg | None = None,
        bins: int | str = "auto",
        resample: Resample | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """The voxels behind one number: a histogram with the mean, the median and the IQR.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            The atlas.
        region : int or str
            A label, or a name that ``lut`` knows.
        lut : AtlasLUT, path, DataFrame or None, optional
            Names of the regions.
        zero_is_missing, valid_range, mask : optional
            As in `extract`, so that the figure shows the voxels that were reduced.
        bins : int or str, optional
            How many, or a rule of `numpy.histogram_bin_edges`.
        resample : {"nearest", None}, optional
            As in `extract`.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            Its title says how many voxels there are, and how many of them have no value.

        Raises
        ------
        SelectionError
            There is no such region, or several have that name.

        See Also
        --------
        DataArray.parc.voxels : The values themselves.
        """
        from qsiparc.plot import voxel_distribution

        return voxel_distribution(
            self._obj,
            dseg,
            region=region,
            lut=lut,
            zero_is_missing=zero_is_missing,
            valid_range=valid_range,
            mask=mask,
            bins=bins,
            resample=resample,
            ax=ax,
        )


class CubePlots:
    """``.parc.plot`` on a cube. It needs the extra ``[plot]``.

    Called itself, ``.parc.plot()`` is `regions`.
    """

    def __init__(self, obj: xr.Dataset) -> None:
        self._obj = obj

    def __repr__(self) -> str:
        from qsiparc.elsewhere import offers

        return offers(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            from qsiparc.elsewhere import lacking

            raise lacking(
                self, name, {MapPlots: "A map has it, a DataArray: maps['FA'].parc.plot."}
            )

    def regions(
        self,
        *,
        stat: str | None = None,
        scalar: str | None = None,
        subject: str | None = None,
        spread: Literal["auto", "std", "iqr"] | None = "auto",
        ax: Axes | None = None,
    ) -> Axes:
        """Regions ranked by their value, the largest on top, with its spread.

        Of one scan, whiskers are the spread of the voxels: the std on both sides of a mean, half
        the IQR on both sides of a median, or its quartiles where the cube has them. Of several
        scans, they are the spread between scans.

        Parameters
        ----------
        stat : str, optional
            The statistic; by default the mean, or the only one of the cube.
        scalar, subject : str, optional
            Which one; a scalar must be chosen where there are several.
        spread : {"auto", "std", "iqr", None}, optional
            What whiskers are. ``"auto"``: of several scans median and quartiles; of one scan what
            belongs to the statistic, if the cube has it.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            Colours and markers are those of the hemispheres. Of many regions, not all are named.

        Raises
        ------
        CubeError
            There are several scalars; the message says how many.
        SelectionError
            There is none of that name.
        """
        from qsiparc.plot import regions

        return regions(self._obj, stat=stat, scalar=scalar, subject=subject, spread=spread, ax=ax)

    __call__ = regions

    def heatmap(
        self,
        *,
        stat: str | None = None,
        scalar: str | None = None,
        group: str | None = "auto",
        cmap: str | Colormap | None = None,
        vmin: float | None = None,
        vmax: float | None = None,
        robust: bool = True,
        colorbar: bool = True,
        ax: Axes | None = None,
    ) -> Axes:
        """Regions × scans, grouped by network and, within each, by hemisphere.

        Parameters
        ----------
        stat : str, optional
            The statistic; by default the mean, or the only one of the cube.
        scalar : str, optional
            Which one; it must be chosen where there are several.
        group : str or None, optional
            A coordinate on ``region``. ``"auto"``: the first one that is called network or lobe;
            None: hemispheres alone.
        cmap, vmin, vmax, robust, colorbar : optional
            As in `mosaic`.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            With an image, whose rows are regions. What has no value is grey.

        Raises
        ------
        CubeError
            There are several scalars; the message says how many.
        SelectionError
            There is none of that name, or no such group.
        """
        from qsiparc.plot import heatmap

        return heatmap(
            self._obj,
            stat=stat,
            scalar=scalar,
            group=group,
            cmap=cmap,
            vmin=vmin,
            vmax=vmax,
            robust=robust,
            colorbar=colorbar,
            ax=ax,
        )

    def coverage(
        self,
        *,
        scalar: str | None = None,
        subject: str | None = None,
        threshold: float = 0.5,
        show: int = 25,
        ax: Axes | None = None,
    ) -> Axes:
        """The regions of which least was seen: a dot for every scan and scalar.

        Parameters
        ----------
        scalar, subject : str, optional
            Some of them only.
        threshold : float, optional
            Coverage below it stands out, 0 to 1.
        show : int, optional
            At most so many regions, those with the lowest coverage in any scan. Regions that every
            scan shows in full are counted, not drawn.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            Its title says how many regions are below the threshold.

        Raises
        ------
        SelectionError
            The cube has no statistic ``coverage``, or nothing of that name.
        """
        from qsiparc.plot import coverage

        return coverage(
            self._obj, scalar=scalar, subject=subject, threshold=threshold, show=show, ax=ax
        )

    def distribution(
        self,
        region: int | str,
        *,
        stat: str | None = None,
        scalar: str | None = None,
        by: str | None = None,
        volume: xr.DataArray | None = None,
        dseg: Dseg | None = None,
        mask: Dseg | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """The values of one region, a dot a scan; or the voxels behind one of these numbers.

        A cube holds no voxels. Given the map and the label image of a scan, those are shown that
        the cube counted, and they are held against its numbers.

        Parameters
        ----------
        region : int or str
            Label or name.
        stat : str, optional
            The statistic; by default the mean, or the only one of the cube.
        scalar : str, optional
            Which one; it must be chosen where there are several.
        by : str, optional
            A coordinate on ``subject`` to put scans apart by: ``"group"``, say, once
            `join_participants` has put it there.
        volume : DataArray, optional
            The map of which to show the voxels; its file's name tells whose it is.
        dseg : DataArray, path, nibabel image or Parcellation, optional
            The label image, needed with `volume`.
        mask : DataArray, path, nibabel image or Parcellation, optional
            As in `extract`, where the cube was made with one.
        ax : Axes, optional
            To draw on; a new figure, as wide as a column, unless given.

        Returns
        -------
        Axes
            Its title says how many scans, or voxels, there are, and how many have no value; mean,
            median and IQR are marked.

        Raises
        ------
        CubeError
            There are several scalars, or several regions of that name; or these are not the voxels
            that the cube has numbers of.
        SelectionError
            There is none of that name.
        """
        from qsiparc.plot import cube_distribution

        return cube_distribution(
            self._obj,
            region,
            stat=stat,
            scalar=scalar,
            by=by,
            volume=volume,
            dseg=dseg,
            mask=mask,
            ax=ax,
        )
