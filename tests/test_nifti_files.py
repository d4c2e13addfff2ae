from __future__ import annotations

import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import MM2, affines, gzipped, image, ramp, shapes, slicings, volume, world_of, write

import qsiparc
from qsiparc.backend import NiftiBackend
from qsiparc.errors import NiftiError, NiftiWarning, SpaceError
from qsiparc.names import SPACE
from qsiparc.space import voxel_grid
from qsiparc.voxels import NiftiArray, in_memory

SLOPE_AT, UNITS_AT, CODES_AT, MAGIC_AT = 112, 123, 252, 344
NAMES = ["fa.nii", "fa.nii.gz", "FA.NII", "FA.NII.GZ", "fa.img", "fa.hdr", "fa.img.gz", "fa.hdr.gz"]


def patched(path, **parts):
    """The path of a written file with parts of its header overwritten: ``at_112=array``."""
    content = bytearray(path.read_bytes())
    for at, values in parts.items():
        offset = int(at.removeprefix("at_"))
        content[offset : offset + values.nbytes] = values.tobytes()
    path.write_bytes(content)
    return path


def scaled(path, data, slope, inter):
    return patched(write(path, data), at_112=np.array([slope, inter], "<f4"))


def lazy_array(obj):
    """The array at the bottom of xarray's wrappers."""
    array = obj.variable._data
    while not isinstance(array, NiftiArray):
        array = array.array
    return array


class TestOpening:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_volume_is_found_by_its_name(self, tmp_path, name):
        kind = nib.Nifti1Image if ".nii" in name.lower() else nib.Nifti1Pair
        kind(ramp(), MM2).to_filename(tmp_path / name)
        for path in (tmp_path / name, str(tmp_path / name)):
            fa = xr.open_dataarray(path)
            np.testing.assert_array_equal(fa, ramp())
            np.testing.assert_array_equal(fa.parc.affine, MM2)
            assert fa.dims == ("i", "j", "k")
            assert xr.open_dataset(path)[fa.name].identical(fa)
            assert qsiparc.open_nifti(path).identical(fa)

    @pytest.mark.parametrize(
        "other", ["fa.nc", "fa.gz", "nii", b"fa.nii", Path("fa.zarr"), 3, None]
    )
    def test_nothing_else_is_claimed(self, other):
        assert not NiftiBackend().guess_can_open(other)

    def test_variables_can_be_dropped(self, tmp_path):
        path = write(tmp_path / "fa.nii", ramp())
        assert list(xr.open_dataset(path, drop_variables="fa")) == []
        assert "k" not in xr.open_dataset(path, drop_variables=["k", "nothing"]).coords

    @pytest.mark.parametrize(
        ("name", "variable"),
        [
            ("sub-01_ses-2_model-dki_param-fa_dwimap.nii.gz", "fa"),
            ("sub-01_mdp-md_dwimap.nii.gz", "md"),
            ("sub-01_seg-JHU_dseg.nii.gz", "dseg"),
            ("FSL_HCP1065_FA_2mm.nii.gz", "FSL_HCP1065_FA_2mm"),
            ("fa.nii", "fa"),
            ("i.nii", "map"),
            ("space.nii.gz", "map"),
        ],
    )
    def test_the_variable_is_named_by_the_file(self, tmp_path, name, variable):
        fa = qsiparc.open_nifti(write(tmp_path / name, ramp()))
        assert fa.name == variable
        assert fa.attrs["source"] == name

    def test_who_and_what_comes_from_the_name(self, tmp_path):
        folder = tmp_path / "qsirecon-NODDI"
        folder.mkdir()
        fa = qsiparc.open_nifti(write(folder / "sub-01_ses-2_param-icvf_dwimap.nii.gz", ramp()))
        assert fa.attrs["participant_id"] == "sub-01"
        assert fa.attrs["session_id"] == "ses-2"
        assert fa.attrs["software"] == "NODDI"
        assert "model" not in fa.attrs

    def test_an_image_in_memory(self):
        data = ramp()
        fa = qsiparc.open_nifti(image(data))
        np.testing.assert_array_equal(fa, data)
        assert fa.name == "map"
        assert "source" not in fa.attrs

    @pytest.mark.parametrize("order", "<>")
    def test_the_callers_image_is_never_changed(self, order):
        data = ramp(dtype=f"{order}f4")
        fa = qsiparc.open_nifti(nib.Nifti1Image(data, MM2))
        assert fa.dtype.isnative
        for part in (fa, fa[:2], fa.copy(deep=False)):
            part[0, 0, 0] = 9
            part.values[1, 0, 0] = 9
            assert part[1, 0, 0] == 9
        np.testing.assert_array_equal(data, ramp())

    def test_an_image_that_is_read_when_asked(self, tmp_path):
        path = write(tmp_path / "fa.nii.gz", ramp())
        loaded = nib.load(path)
        fa = qsiparc.open_nifti(loaded)
        assert not loaded.in_memory
        assert lazy_array(fa).path == path
        assert fa.identical(qsiparc.open_nifti(path))

    def test_an_image_of_a_stream_and_a_slice(self, tmp_path):
        whole = nib.Nifti1Image.from_bytes(image(ramp()).to_bytes())
        np.testing.assert_array_equal(qsiparc.open_nifti(whole), ramp())
        part = nib.load(write(tmp_path / "fa.nii", ramp())).slicer[1:3]
        fa = qsiparc.open_nifti(part)
        np.testing.assert_array_equal(fa, ramp()[1:3])
        np.testing.assert_array_equal(fa.parc.affine[:, 3], [2, 0, 0, 1])

    def test_an_image_of_a_stream_that_is_cut_short(self):
        cut = nib.Nifti1Image.from_bytes(image(ramp()).to_bytes()[:-1])
        with pytest.raises(NiftiError, match=r"^the image in memory: not readable"):
            qsiparc.open_nifti(cut)

    def test_what_is_neither_a_path_nor_an_image(self):
        with pytest.raises(TypeError, match="not ndarray"):
            qsiparc.open_nifti(ramp())

    def test_an_image_of_another_format(self, tmp_path):
        nib.MGHImage(ramp(), MM2).to_filename(tmp_path / "fa.mgz")
        with pytest.raises(NiftiError, match=r"fa\.mgz: this is a MGHImage.*from_image"):
            qsiparc.open_nifti(tmp_path / "fa.mgz")

    @pytest.mark.parametrize("suffix", [".bz2"])
    def test_another_compression(self, tmp_path, suffix):
        path = write(tmp_path / f"fa.nii{suffix}", ramp())
        with pytest.raises(NiftiError, match=rf"fa\.nii{suffix}: .*not \{suffix}"):
            qsiparc.open_nifti(path)

    @pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
    @pytest.mark.parametrize("is_file", [True, False])
    def test_what_is_no_real_number(self, tmp_path, dtype, is_file):
        source = nib.Nifti1Image(np.zeros((2, 3, 4), dtype), MM2)
        source.to_filename(tmp_path / "fa.nii")
        match = r"fa\.nii: its voxels are (complex|RGB)" if is_file else r"memory: its voxels are"
        with pytest.raises(NiftiError, match=match):
            qsiparc.open_nifti(tmp_path / "fa.nii" if is_file else image(source.dataobj))

    def test_nifti_2_and_pairs(self, tmp_path):
        for kind, name in ((nib.Nifti2Image, "two.nii"), (nib.Nifti2Pair, "pair.img")):
            kind(ramp(), MM2).to_filename(tmp_path / name)
            np.testing.assert_array_equal(qsiparc.open_nifti(tmp_path / name), ramp())

    def test_analyze_has_no_place(self, tmp_path):
        nib.AnalyzeImage(ramp(), None).to_filename(tmp_path / "fa.img")
        for suffix in (".img", ".hdr"):
            with pytest.warns(NiftiWarning, match=rf"fa\{suffix}: .*neither a qform nor an sform"):
                fa = qsiparc.open_nifti(tmp_path / f"fa{suffix}")
            np.testing.assert_array_equal(fa, ramp())
            assert fa.attrs["source"] == f"fa{suffix}"

    def test_a_half_of_a_pair_is_missing(self, tmp_path):
        nib.Nifti1Pair(ramp(), MM2).to_filename(tmp_path / "fa.img")
        (tmp_path / "fa.img").unlink()
        with pytest.raises(FileNotFoundError, match=r"fa\.img"):
            qsiparc.open_nifti(tmp_path / "fa.hdr")

    def test_neither_form_is_a_guess(self, tmp_path):
        path = patched(write(tmp_path / "fa.nii", ramp()), at_252=np.zeros(2, "<i2"))
        with pytest.warns(NiftiWarning, match=r"fa\.nii: .*which side is left, is a guess"):
            fa = qsiparc.open_nifti(path)
        np.testing.assert_array_equal(fa.parc.affine, nib.load(path).affine)

    @pytest.mark.parametrize(("code", "unit"), [(1, "metres"), (3, "micrometres")])
    def test_other_units_of_length_are_doubtful(self, tmp_path, code, unit):
        path = patched(write(tmp_path / "fa.nii", ramp()), at_123=np.array([code], "u1"))
        with pytest.warns(NiftiWarning, match=rf"fa\.nii: .* in {unit}"):
            qsiparc.open_nifti(path)

    def test_a_single_form_places_the_voxels(self, tmp_path):
        for codes in ([1, 0], [0, 1]):
            path = patched(write(tmp_path / "fa.nii", ramp()), at_252=np.array(codes, "<i2"))
            fa = qsiparc.open_nifti(path)
            np.testing.assert_allclose(fa.parc.affine, MM2)
            attrs = fa.coords[SPACE].attrs
            assert [attrs["qform_code"], attrs["sform_code"]] == codes


class TestValues:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
    def test_every_type_is_kept_in_native_order(self, tmp_path, suffix, order, kind):
        header = nib.Nifti1Header(endianness=order)
        header.set_data_dtype(kind)
        source = nib.Nifti1Image(ramp(dtype=kind), MM2, header, dtype=np.dtype(order + kind))
        source.to_filename(tmp_path / f"fa{suffix}")
        fa = qsiparc.open_nifti(tmp_path / f"fa{suffix}")
        assert lazy_array(fa).stored == np.dtype(order + kind)
        for values in (fa.values, fa[1:3, ::2].values, fa[1, 2, 3].values):
            assert values.dtype == np.dtype(kind)
            assert values.dtype.isnative
        np.testing.assert_array_equal(fa, ramp())

    def test_no_type_is_wider_than_float64(self):
        assert in_memory(np.dtype(np.longdouble)) == np.float64
        assert in_memory(np.dtype(">f8")).isnative

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "f8", "i4"])
    @pytest.mark.parametrize(
        ("slope", "inter"), [(0.1, 0), (2, -7.3), (1, 5), (-3, 0), (1e-30, 1e30)]
    )
    def test_scaling_is_nibabels(self, tmp_path, suffix, dtype, slope, inter):
        path = scaled(tmp_path / "fa.nii", ramp(dtype=dtype), slope, inter)
        if suffix == ".nii.gz":
            path = gzipped(tmp_path / "fa.nii.gz", path.read_bytes())
        fa = qsiparc.open_nifti(path)
        assert fa.dtype == fa.values.dtype == np.float64
        np.testing.assert_array_equal(fa, nib.load(path).get_fdata())
        np.testing.assert_array_equal(fa[::2, 3, ::-1], nib.load(path).get_fdata()[::2, 3, ::-1])

    @pytest.mark.parametrize(("slope", "inter"), [(0, 0), (0, 5), (0, np.nan), (1, 0)])
    def test_no_scaling_keeps_the_type(self, tmp_path, slope, inter):
        fa = qsiparc.open_nifti(scaled(tmp_path / "fa.nii", ramp(dtype="i2"), slope, inter))
        assert fa.dtype == np.int16
        np.testing.assert_array_equal(fa, ramp())

    @pytest.mark.parametrize("is_file", [True, False])
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((3,), (3, 1, 1)),
            ((3, 4), (3, 4, 1)),
            ((3, 4, 1), (3, 4, 1)),
            ((1, 1, 1, 1), (1, 1, 1)),
            ((2, 3, 4, 1, 1), (2, 3, 4)),
            ((2, 3, 4, 5), (2, 3, 4, 5)),
            ((2, 3, 4, 1, 5), (2, 3, 4, 5)),
            ((2, 3, 1, 2, 1, 1), (2, 3, 1, 2)),
        ],
    )
    def test_shapes_become_3d_or_4d(self, tmp_path, is_file, shape, expected):
        data = ramp(shape)
        fa = qsiparc.open_nifti(write(tmp_path / "fa.nii.gz", data) if is_file else image(data))
        assert fa.dims == ("i", "j", "k", "volume")[: len(expected)]
        np.testing.assert_array_equal(fa, data.reshape(expected, order="F"))
        assert ("volume" in fa.coords) == (len(expected) == 4)

    @pytest.mark.parametrize(
        ("shape", "way_out"),
        [
            ((2, 3, 4, 5, 6), "Write the part that is meant"),
            ((2, 3, 0), "copy the file again"),
            ((1, 1, 1, 1, 3, 5), "CIFTI"),
        ],
    )
    def test_other_shapes_are_refused(self, shape, way_out):
        with pytest.raises(NiftiError, match=rf"memory: its shape is \({shape[0]}, .*{way_out}"):
            qsiparc.open_nifti(image(ramp(shape)))

    @settings(deadline=None, max_examples=30)
    @given(st.data(), shapes, st.sampled_from([".nii", ".nii.gz"]))
    def test_any_selection_is_numpys(self, tmp_path_factory, data, shape, suffix):
        path = write(tmp_path_factory.getbasetemp() / f"any{suffix}", ramp(shape))
        # xarray itself cannot read an empty slice that runs backwards.
        index = tuple(
            data.draw(
                st.integers(-n, n - 1)
                | st.slices(n).filter(lambda s, n=n: (s.step or 1) > 0 or range(n)[s])
            )
            for n in shape
        )
        np.testing.assert_array_equal(qsiparc.open_nifti(path)[index], ramp(shape)[index])
        rows = data.draw(st.lists(st.integers(0, shape[0] - 1), max_size=4))
        np.testing.assert_array_equal(qsiparc.open_nifti(path)[rows], ramp(shape)[rows])


class TestSidecar:
    def test_units_and_name(self, tmp_path):
        path = write(tmp_path / "sub-1_param-md_dwimap.nii.gz", ramp())
        beside = tmp_path / "sub-1_param-md_dwimap.json"
        beside.write_text(json.dumps({"Units": "mm²/s", "Description": "Mean diffusivity", "x": 1}))
        md = qsiparc.open_nifti(path)
        assert (md.attrs["units"], md.attrs["long_name"]) == ("mm²/s", "Mean diffusivity")

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ({"LongName": "a", "Description": "b"}, {"long_name": "a"}),
            ({"LongName": "", "Description": "b"}, {"long_name": "b"}),
            ({"Unit": "1"}, {"units": "1"}),
            ({"Units": 3, "Description": ["b"]}, {}),
            ({}, {}),
        ],
    )
    def test_only_texts_count(self, tmp_path, content, expected):
        (tmp_path / "fa.json").write_text(json.dumps(content), encoding="utf-8-sig")
        fa = qsiparc.open_nifti(write(tmp_path / "fa.nii", ramp()))
        assert {k: v for k, v in fa.attrs.items() if k in ("units", "long_name")} == expected

    @pytest.mark.parametrize("name", ["FA.NII", "FA.NII.GZ", "FA.nii.gz"])
    def test_the_case_of_the_suffix_does_not_matter(self, tmp_path, name):
        (tmp_path / "FA.json").write_text('{"Units": "1"}')
        assert qsiparc.open_nifti(write(tmp_path / name, ramp())).attrs["units"] == "1"

    @pytest.mark.parametrize(
        "content", [b"{", b"", b"[1]", b"\xff\xfe{}", b"[" * 100_000, b'"text"', None]
    )
    def test_a_broken_one_is_ignored_with_a_warning(self, tmp_path, content):
        beside = tmp_path / "fa.json"
        beside.mkdir() if content is None else beside.write_bytes(content)
        with pytest.warns(NiftiWarning, match=r"fa\.json: the JSON sidecar cannot be read"):
            fa = qsiparc.open_nifti(write(tmp_path / "fa.nii", ramp()))
        assert "units" not in fa.attrs


class TestLaziness:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_nothing_is_read_until_asked(self, tmp_path, suffix, monkeypatch):
        path = write(tmp_path / f"fa{suffix}", ramp())
        reads = []
        read = NiftiArray._read
        monkeypatch.setattr(NiftiArray, "_read", lambda *a: reads.append(a) or read(*a))
        fa = qsiparc.open_nifti(path)
        part = fa.isel(i=slice(1, 3)).transpose("k", ...)
        assert (fa.shape, part.shape, repr(part)[:10]) == ((4, 5, 6), (6, 2, 5), "<xarray.Da")
        assert not reads
        np.testing.assert_array_equal(part, ramp()[1:3].transpose(2, 0, 1))
        assert len(reads) == 1

    @pytest.mark.skipif(not hasattr(os, "preadv"), reason="counts bytes with /proc/self/io")
    def test_a_slice_of_a_plain_file_reads_its_bytes_only(self, tmp_path):
        path = write(tmp_path / "fa.nii", ramp((64, 64, 200)))
        fa = qsiparc.open_nifti(path)

        def bytes_read(key):
            before = int(Path("/proc/self/io").read_text().split()[1])
            values = fa[key].values
            return int(Path("/proc/self/io").read_text().split()[1]) - before, values

        few, values = bytes_read(np.s_[:, :, 100])
        every, _ = bytes_read(np.s_[:])
        np.testing.assert_array_equal(values, ramp((64, 64, 200))[:, :, 100])
        assert few < 4 * 64 * 64 + 20_000 < every

    def test_a_part_does_not_keep_the_whole_alive(self, tmp_path):
        for suffix in (".nii", ".nii.gz"):
            fa = qsiparc.open_nifti(write(tmp_path / f"fa{suffix}", ramp()))
            part = lazy_array(fa)._read((slice(0, 4), slice(0, 5), 2))
            assert part.base is None
            assert part.nbytes == 4 * 5 * 4

    def test_no_memory_map_and_no_open_file(self, tmp_path):
        path = write(tmp_path / "fa.nii", ramp((40, 40, 40)))
        fa = qsiparc.open_nifti(path)
        part = fa[:, :, 3].values
        fa.load()
        base = fa.values
        while base is not None:
            assert not isinstance(base, np.memmap)
            base = base.base
        assert str(path) not in Path("/proc/self/maps").read_text()
        path.write_bytes(b"")
        np.testing.assert_array_equal(fa[:, :, 3], part)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_pickles_are_small_and_read_the_file(self, tmp_path, suffix):
        fa = qsiparc.open_nifti(write(tmp_path / f"fa{suffix}", ramp((40, 40, 40))))
        assert len(pickle.dumps(lazy_array(fa))) < 1000
        packed = pickle.dumps(fa)
        assert len(packed) < 20_000
        again = pickle.loads(packed)  # noqa: S301 - our own bytes
        assert again.identical(fa)
        assert again.parc.affine.tolist() == MM2.tolist()

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_threads_share_one_array(self, tmp_path, suffix):
        data = ramp((20, 21, 22))
        array = lazy_array(qsiparc.open_nifti(write(tmp_path / f"fa{suffix}", data)))
        start = threading.Barrier(8)

        def read(k):
            start.wait()
            return [array._read((slice(0, 20), slice(0, 21), (k + n) % 22)) for n in range(10)]

        with ThreadPoolExecutor(8) as pool:
            for k, parts in enumerate(pool.map(read, range(8))):
                for n, part in enumerate(parts):
                    np.testing.assert_array_equal(part, data[:, :, (k + n) % 22])

    @pytest.mark.parametrize(
        ("suffix", "chunks"), [(".nii", (1, 1, 1, 3)), (".nii.gz", (1, 1, 1, 1))]
    )
    def test_chunks_make_dask_arrays(self, tmp_path, suffix, chunks):
        path = write(tmp_path / f"dwi{suffix}", ramp((4, 5, 6, 3)))
        dwi = qsiparc.open_nifti(path, chunks={})
        assert dwi.data.numblocks == chunks
        np.testing.assert_array_equal(dwi.compute(scheduler="threads"), ramp((4, 5, 6, 3)))
        assert xr.open_dataarray(path, chunks={"k": -1}).chunks[2] == (6,)
        np.testing.assert_array_equal(dwi.parc.affine, MM2)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_a_file_that_changed_is_not_read(self, tmp_path, suffix):
        path = write(tmp_path / f"fa{suffix}", ramp())
        fa = qsiparc.open_nifti(path)
        write(path, ramp() + 1)
        os.utime(path, ns=(0, 0))
        with pytest.raises(NiftiError, match=rf"fa\{suffix}: the file has changed"):
            fa.load()
        path.unlink()
        with pytest.raises(FileNotFoundError, match="fa"):
            fa.load()

    def test_a_file_that_shrinks_while_it_is_read(self, tmp_path):
        path = write(tmp_path / "fa.nii", ramp())
        array = lazy_array(qsiparc.open_nifti(path))
        os.truncate(path, 400)
        with path.open("rb") as stream:
            with pytest.raises(NiftiError, match=r"fa\.nii: the file was cut short"):
                array._all(stream)
            with pytest.raises(NiftiError, match=r"fa\.nii: cannot read its voxels"):
                array._slice(stream, (slice(0, 4, 1), slice(0, 5, 1), 3))


class TestWriting:
    @settings(deadline=None)
    @given(st.data(), affines(), shapes)
    def test_every_voxel_stays_where_it_is(self, data, affine, shape):
        fa = volume(ramp(shape), affine)
        part = fa.isel(data.draw(slicings(shape)))
        part = part.transpose(*data.draw(st.permutations("ijk")))
        written = part.parc.to_nibabel()
        world = world_of(written.affine, written.shape)
        original = world_of(affine, shape)
        for voxel in np.ndindex(*written.shape):
            home = np.argwhere(ramp(shape) == written.dataobj[voxel])[0]
            np.testing.assert_allclose(world[voxel], original[tuple(home)], atol=1e-3)
        if written.header["qform_code"]:
            np.testing.assert_allclose(written.get_qform(), written.affine, atol=2e-3)

    @pytest.mark.parametrize(
        ("dtype", "stored"),
        [
            (bool, np.uint8),
            (np.float16, np.float32),
            (np.float32, np.float32),
            (">f4", np.float32),
            (np.float64, np.float64),
            (np.longdouble, np.float64),
            (np.int8, np.int8),
            (np.uint16, np.uint16),
            (np.int64, np.int32),
            (np.uint64, np.int32),
        ],
    )
    def test_types(self, tmp_path, dtype, stored):
        data = ramp(dtype=np.uint8) > 7 if dtype is bool else ramp().astype(dtype)
        fa = xr.DataArray(data, dims=("i", "j", "k")).parc.with_affine(MM2)
        again = nib.load(fa.parc.to_nifti(tmp_path / "fa.nii.gz"))
        assert again.get_data_dtype() == stored
        assert np.asanyarray(again.dataobj).dtype == stored
        np.testing.assert_array_equal(np.asanyarray(again.dataobj), data)

    @pytest.mark.parametrize("dtype", [np.int64, np.uint64])
    def test_whole_numbers_beyond_32_bits_stay_as_they_are(self, tmp_path, dtype):
        data = ramp(dtype=dtype) + np.array(2**62 + 1, dtype)
        fa = xr.DataArray(data, dims=("i", "j", "k")).parc.with_affine(MM2)
        again = qsiparc.open_nifti(fa.parc.to_nifti(tmp_path / "fa.nii"))
        assert again.dtype == dtype
        np.testing.assert_array_equal(again, data)

    @pytest.mark.parametrize("dtype", [complex, object, str, "M8[s]"])
    def test_what_is_no_real_number_is_refused_by_name(self, tmp_path, dtype):
        data = np.zeros((2, 2, 2), int).astype(dtype)
        phase = xr.DataArray(data, dims=("i", "j", "k"), name="phase").parc.with_affine(MM2)
        with pytest.raises(NiftiError, match=r"^phase: its voxels are"):
            phase.parc.to_nifti(tmp_path / "phase.nii")
        with pytest.raises(NiftiError, match=r"^the volume: its voxels are"):
            phase.rename(None).parc.to_nibabel()
        assert not list(tmp_path.iterdir())

    def test_four_dimensions_in_any_order(self, tmp_path):
        dwi = volume(ramp((2, 3, 4, 5)))
        path = dwi.transpose("volume", "k", "i", "j").parc.to_nifti(tmp_path / "dwi.nii")
        np.testing.assert_array_equal(nib.load(path).dataobj, ramp((2, 3, 4, 5)))
        with pytest.raises(SpaceError, match=r"at most four.*'volume'"):
            dwi.expand_dims("echo").parc.to_nibabel()

    def test_a_volume_and_its_codes_come_back(self, tmp_path):
        source = image(ramp())
        source.set_sform(MM2, 4)
        source.set_qform(MM2, 2)
        source.to_filename(tmp_path / "fa.nii.gz")
        fa = qsiparc.open_nifti(tmp_path / "fa.nii.gz")
        fa.load()
        again = qsiparc.open_nifti(fa.parc.to_nifti(tmp_path / "fa.nii.gz"))
        assert again.identical(fa)
        assert again.coords[SPACE].attrs["sform_code"] == 4
        assert again.coords[SPACE].attrs["qform_code"] == 2

    def test_a_volume_without_codes_keeps_its_place(self, tmp_path):
        path = patched(write(tmp_path / "fa.nii", ramp()), at_252=np.zeros(2, "<i2"))
        with pytest.warns(NiftiWarning):
            fa = qsiparc.open_nifti(path)
        again = qsiparc.open_nifti(fa[1:].parc.to_nifti(tmp_path / "part.nii"))
        np.testing.assert_allclose(again.parc.affine, voxel_grid(fa[1:]).affine)

    def test_a_sheared_affine_has_no_qform(self):
        sheared = MM2.copy()
        sheared[0, 1] = 0.5
        written = volume(ramp(), sheared).parc.to_nibabel()
        assert (written.header["sform_code"], written.header["qform_code"]) == (2, 0)
        np.testing.assert_array_equal(written.affine, sheared)

    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz", "FA.NII.GZ", "sub.x/fa.nii"])
    def test_names(self, tmp_path, name):
        (tmp_path / "sub.x").mkdir()
        path = volume(ramp()).parc.to_nifti(str(tmp_path / name))
        assert path == tmp_path / name
        assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.lower().endswith("gz")
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())

    @pytest.mark.parametrize("name", ["fa", "fa.gz", "fa.img", "fa.Nii.gz", "fa.nii.bz2", "fa.nc"])
    def test_other_names_are_refused(self, tmp_path, name):
        with pytest.raises(NiftiError, match=rf"{name}: the name of a NIfTI file ends in"):
            volume(ramp()).parc.to_nifti(tmp_path / name)

    def test_a_failing_write_leaves_the_old_file_and_no_litter(self, tmp_path, monkeypatch):
        path = write(tmp_path / "fa.nii", ramp())

        def full(_image, target):
            Path(target).write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(nib, "save", full)
        with pytest.raises(OSError, match="No space left"):
            volume(ramp() + 1).parc.to_nifti(path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["fa.nii"]
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())

    def test_a_volume_may_be_written_onto_the_file_it_is_read_from(self, tmp_path):
        path = write(tmp_path / "fa.nii.gz", ramp())
        qsiparc.open_nifti(path)[::-1].parc.to_nifti(path)
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp()[::-1])
