from __future__ import annotations

import bz2
import gzip
import json
import pickle
import struct
import warnings
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
from qsiparc import voxels
from qsiparc.backend import NiftiBackend
from qsiparc.errors import NiftiError, NiftiWarning, SpaceError
from qsiparc.nifti import open_nifti
from qsiparc.voxels import NiftiArray

NAMES = ["fa.nii", "fa.nii.gz", "fa.NII.GZ", "fa.img", "fa.hdr", "fa.img.gz"]


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path / "fa.nii", ramp())


@pytest.fixture
def squeezed(tmp_path):
    return write(tmp_path / "fa.nii.gz", ramp())


def backing(array: xr.DataArray) -> NiftiArray:
    """The lazy array below all of xarray's wrappings."""
    data = array.variable._data
    while not isinstance(data, NiftiArray):
        data = data.array
    return data


def poke(path: Path, at: int, form: str, *values) -> Path:
    """Overwrite part of a file's header."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, *values)
    path.write_bytes(content)
    return path


class TestOpening:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize(
        "opener", [xr.open_dataarray, open_nifti, lambda p: open_nifti(str(p))]
    )
    def test_every_extension_is_found(self, name, opener, tmp_path):
        made = name.replace("hdr", "img").replace("NII.GZ", "nii.gz")
        write(tmp_path / made, ramp())
        if name != made and "hdr" not in name:
            (tmp_path / made).rename(tmp_path / name)
        fa = opener(tmp_path / name)
        assert fa.dims == ("i", "j", "k")
        assert fa.name == "fa"
        np.testing.assert_array_equal(fa, ramp())
        np.testing.assert_array_equal(fa.parc.affine, MM2)

    def test_as_a_dataset_it_is_one_variable(self, plain):
        maps = xr.open_dataset(plain)
        assert list(maps.data_vars) == ["fa"]
        assert list(maps.coords) == ["i", "j", "k", "space"]
        assert not xr.open_dataset(plain, drop_variables=["fa", "other"]).data_vars

    def test_an_image_in_memory_opens_as_a_file_does(self):
        fa = open_nifti(image(ramp()))
        assert fa.name == "map"
        np.testing.assert_array_equal(fa, ramp())

    def test_an_image_in_memory_that_has_a_file_is_read_from_it(self, squeezed):
        fa = open_nifti(nib.load(squeezed))
        assert backing(fa).path == squeezed
        assert fa.attrs["source"] == "fa.nii.gz"

    def test_an_image_in_memory_is_never_changed(self):
        data = ramp()
        fa = open_nifti(image(data))
        fa[0, 0, 0] = 99
        fa.values[1, 1, 1] = 99
        np.testing.assert_array_equal(data, ramp())

    def test_anything_else_is_a_type_error(self):
        with pytest.raises(TypeError, match=r"nibabel image of a volume, not ndarray.*with_affine"):
            open_nifti(ramp())

    def test_an_address_is_no_file(self):
        with pytest.raises(NiftiError, match=r"^s3://there/fa\.nii\.gz: .*Download it first"):
            open_nifti("s3://there/fa.nii.gz")

    def test_a_missing_file_is_not_found(self, tmp_path):
        for name in ("none.nii", "none.nii.gz", "none.img"):
            with pytest.raises(FileNotFoundError, match="none"):
                open_nifti(tmp_path / name)

    @pytest.mark.parametrize(
        ("name", "variable"),
        [
            ("sub-01_model-dki_param-md_dwimap.nii", "md"),
            ("sub-01_mdp-ad_dwimap.nii.gz", "ad"),
            ("sub-01_seg-Tian_dseg.nii.gz", "dseg"),
            ("FSL_HCP1065_FA_2mm.nii", "FSL_HCP1065_FA_2mm"),
            ("k.nii", "map"),
            ("sub-01_param-space_dwimap.nii", "map"),
        ],
    )
    def test_the_variable_is_named_by_the_file(self, name, variable, tmp_path):
        assert open_nifti(write(tmp_path / name, ramp())).name == variable

    def test_the_file_says_whose_it_is(self, tmp_path):
        folder = tmp_path / "qsirecon-NODDI"
        folder.mkdir()
        name = "sub-01_ses-2_model-noddi_param-icvf_dwimap.nii.gz"
        assert {
            key: value
            for key, value in open_nifti(write(folder / name, ramp())).attrs.items()
            if key != "grid"
        } == {
            "participant_id": "sub-01",
            "session_id": "ses-2",
            "software": "NODDI",
            "model": "noddi",
            "param": "icvf",
            "source": name,
        }


class TestLaziness:
    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
    def test_opening_reads_no_voxel(self, name, tmp_path, monkeypatch):
        path = write(tmp_path / name, ramp())
        monkeypatch.setattr(NiftiArray, "_read", None)
        fa = xr.open_dataarray(path)
        assert fa.isel(i=slice(2), k=3).T.shape == (5, 2)
        assert "MemoryCachedArray" not in repr(fa)

    def test_a_slice_of_a_plain_file_reads_its_own_bytes_only(self, tmp_path, monkeypatch):
        path = write(tmp_path / "fa.nii", ramp((20, 20, 10)))
        fa = xr.open_dataarray(path)
        read = []

        class Counting:
            def __init__(self, stream):
                self.stream = stream

            def __getattr__(self, name):
                return getattr(self.stream, name)

            def read(self, n=-1):
                data = self.stream.read(n)
                read.append(len(data))
                return data

        inner = NiftiArray._slice
        monkeypatch.setattr(
            NiftiArray, "_slice", lambda self, stream, key: inner(self, Counting(stream), key)
        )
        np.testing.assert_array_equal(fa.isel(k=3), ramp((20, 20, 10))[..., 3])
        assert sum(read) == 20 * 20 * 4

    @given(st.data(), shapes)
    @settings(max_examples=40, deadline=None)
    def test_any_part_is_that_part_of_the_whole(self, tmp_path_factory, data, shape):
        folder = tmp_path_factory.mktemp("parts")
        chosen = data.draw(slicings(shape))
        suffix = data.draw(st.sampled_from([".nii", ".nii.gz"]))
        fa = xr.open_dataarray(write(folder / f"fa{suffix}", ramp(shape)))
        whole = xr.DataArray(ramp(shape), dims=("i", "j", "k"))
        np.testing.assert_array_equal(fa.isel(chosen), whole.isel(chosen))
        point = dict.fromkeys("ijk", 0)
        assert fa.isel(point).item() == 0
        picked = {"i": [0, 0], "k": [-1, 0]}
        np.testing.assert_array_equal(fa.isel(picked), whole.isel(picked))

    def test_it_is_about_a_kilobyte_when_pickled(self, plain):
        fa = xr.open_dataarray(plain)
        assert len(pickle.dumps(backing(fa))) < 1000
        again = pickle.loads(pickle.dumps(fa))  # noqa: S301 - our own bytes
        np.testing.assert_array_equal(again, ramp())

    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
    def test_threads_share_one_lazy_array(self, name, tmp_path):
        data = ramp((20, 20, 20))
        array = backing(xr.open_dataarray(write(tmp_path / name, data)))
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda k: array._read((slice(None), slice(None), k)), [*range(20)] * 4)
            for k, plane in enumerate(found):
                np.testing.assert_array_equal(plane, data[..., k % 20])

    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
    @pytest.mark.parametrize("part", [slice(None), slice(1, 2)])
    def test_values_are_the_callers_own(self, name, part, tmp_path):
        path = write(tmp_path / name, ramp())
        fa = xr.open_dataarray(path)
        held = backing(fa)._read((part, slice(None), slice(None)))
        fa = fa.isel(i=part)
        assert fa.values.flags.writeable
        while held.base is not None:
            assert not isinstance(held.base, np.memmap)
            held = held.base
        assert held.nbytes == fa.nbytes  # a view would keep the whole volume alive
        fa.values[...] = -1
        np.testing.assert_array_equal(xr.open_dataarray(path), ramp())

    @pytest.mark.parametrize("chunks", [{}, {"k": -1}, "auto"])
    def test_chunks_make_a_dask_array(self, squeezed, chunks):
        fa = open_nifti(squeezed, chunks=chunks)
        assert fa.chunks is not None
        np.testing.assert_array_equal(fa, ramp())

    def test_a_gzip_is_one_chunk_and_a_plain_file_one_a_volume(self, tmp_path):
        data = ramp((4, 5, 6, 3))
        squeezed = open_nifti(write(tmp_path / "a.nii.gz", data), chunks={})
        assert squeezed.chunks == ((4,), (5,), (6,), (3,))
        plain = open_nifti(write(tmp_path / "a.nii", data), chunks={})
        assert plain.chunks == ((4,), (5,), (6,), (1, 1, 1))

    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
    @pytest.mark.parametrize("other", [ramp() + 1, ramp((4, 5, 7))])
    def test_a_file_that_has_changed_is_an_error(self, name, other, tmp_path):
        fa = xr.open_dataarray(write(tmp_path / name, ramp()))
        write(tmp_path / name, other)
        with pytest.raises(NiftiError, match=rf"{name}: the file has changed.*Open it again"):
            fa.load()

    def test_a_file_that_is_gone_is_an_error(self, plain):
        fa = xr.open_dataarray(plain)
        plain.unlink()
        with pytest.raises(FileNotFoundError, match=r"fa\.nii"):
            fa.load()

    def test_a_file_that_shrinks_while_it_is_read_is_an_error(self, plain):
        array = backing(xr.open_dataarray(plain))
        with plain.open("rb") as stream:
            plain.write_bytes(plain.read_bytes()[:400])
            with pytest.raises(NiftiError, match=r"fa\.nii: the file was cut short while"):
                array._all(stream)
            with pytest.raises(NiftiError, match=r"fa\.nii: cannot read its voxels"):
                array._slice(stream, (slice(None), slice(None), 5))


class TestValues:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize(
        "kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i2", ">f4", ">f8"]
    )
    def test_every_type_stays_itself_in_native_byte_order(self, kind, suffix, tmp_path):
        dtype = np.dtype(kind)
        header = nib.Nifti1Header(endianness=">" if kind[0] == ">" else "<")
        header.set_data_dtype(dtype)
        data = ramp((3, 4, 5), dtype)
        stored = nib.Nifti1Image(data, MM2, header, dtype=dtype)
        stored.to_filename(tmp_path / f"fa{suffix}")
        fa = xr.open_dataarray(tmp_path / f"fa{suffix}")
        assert fa.dtype == fa.values.dtype == dtype.newbyteorder("=")
        assert fa.dtype.isnative
        np.testing.assert_array_equal(fa, data)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize(("slope", "inter"), [(0.25, 0.0), (1.0, -7.5), (-3.0, 0.1), (1e-7, 1)])
    @pytest.mark.parametrize("kind", ["i2", "u1", "f4"])
    def test_scaling_is_nibabels(self, suffix, slope, inter, kind, tmp_path):
        scaled = image(ramp((3, 4, 5), kind))
        scaled.header.set_slope_inter(slope, inter)
        scaled.to_filename(tmp_path / f"fa{suffix}")
        poke_slope(tmp_path / f"fa{suffix}", slope, inter)
        fa = xr.open_dataarray(tmp_path / f"fa{suffix}")
        expected = nib.load(tmp_path / f"fa{suffix}").get_fdata()
        assert fa.dtype == np.float64
        assert expected.max() != ramp((3, 4, 5)).max()
        np.testing.assert_array_equal(fa, expected)
        np.testing.assert_array_equal(fa[1, ::2], expected[1, ::2])

    def test_a_slope_of_zero_says_that_there_is_none(self, plain):
        poke(plain, 112, "<ff", 0.0, 5.0)
        fa = xr.open_dataarray(plain)
        assert fa.dtype == np.float32
        np.testing.assert_array_equal(fa, nib.load(plain).get_fdata())
        np.testing.assert_array_equal(fa, ramp())

    def test_a_slope_with_an_impossible_intercept_is_an_error(self, plain):
        poke(plain, 112, "<ff", 2.0, np.nan)
        with pytest.raises(NiftiError, match=r"fa\.nii"):
            xr.open_dataarray(plain)

    @pytest.mark.parametrize(
        ("shape", "dims", "kept"),
        [
            ((4, 5), "ijk", (4, 5, 1)),
            ((4,), "ijk", (4, 1, 1)),
            ((4, 5, 6, 1), "ijk", (4, 5, 6)),
            ((4, 5, 6, 1, 1), "ijk", (4, 5, 6)),
            ((4, 5, 1, 3), "ijkv", (4, 5, 1, 3)),
            ((4, 5, 6, 1, 3), "ijkv", (4, 5, 6, 3)),
        ],
    )
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_shapes_become_three_or_four_axes(self, shape, dims, kept, suffix, tmp_path):
        data = ramp(shape)
        expected = data.reshape(kept, order="F")
        for fa in (open_nifti(write(tmp_path / f"fa{suffix}", data)), open_nifti(image(data))):
            assert fa.dims == ("i", "j", "k", "volume")[: len(dims)]
            np.testing.assert_array_equal(fa, expected)
            if "v" in dims:
                assert fa["volume"].values.tolist() == [0, 1, 2]
                np.testing.assert_array_equal(fa.isel(volume=1), expected[..., 1])

    def test_five_axes_are_an_error(self, tmp_path):
        with pytest.raises(NiftiError, match=r"fa\.nii.*\(2, 2, 2, 2, 2\).*three dimensions, or"):
            open_nifti(write(tmp_path / "fa.nii", ramp((2, 2, 2, 2, 2))))

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (np.zeros((2, 2, 2), "c8"), "complex"),
            (np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "RGB"),
        ],
    )
    def test_what_are_no_numbers_are_an_error(self, data, kind, tmp_path):
        with pytest.raises(NiftiError, match=f"fa.nii.gz: its voxels are {kind}"):
            open_nifti(write(tmp_path / "fa.nii.gz", data))
        with pytest.raises(NiftiError, match=f"the image in memory: its voxels are {kind}"):
            open_nifti(image(data))


def poke_slope(path: Path, slope: float, inter: float) -> None:
    """Write the scaling into the header: nibabel resets it on saving."""
    content = path.read_bytes()
    is_gzip = path.suffix == ".gz"
    plain = bytearray(gzip.decompress(content) if is_gzip else content)
    struct.pack_into("<ff", plain, 112, slope, inter)
    path.write_bytes(gzip.compress(plain) if is_gzip else plain)


class TestHeaders:
    @given(affines(), shapes)
    @settings(max_examples=25, deadline=None)
    def test_the_affine_is_nibabels(self, affine, shape):
        img = image(ramp(shape), affine)
        np.testing.assert_array_equal(open_nifti(img).parc.affine, img.affine)

    def test_codes_are_kept(self):
        img = image(ramp())
        img.set_sform(MM2, 4)
        img.set_qform(MM2, 1)
        attrs = open_nifti(img).coords["space"].attrs
        assert (attrs["sform_code"], attrs["qform_code"], attrs["intent_code"]) == (4, 1, 0)
        back = open_nifti(img).parc.to_nibabel()
        assert (back.header["sform_code"], back.header["qform_code"]) == (4, 1)

    def test_without_any_form_the_place_is_a_guess(self, plain):
        poke(plain, 252, "<hh", 0, 0)
        with pytest.warns(NiftiWarning, match=r"fa\.nii.*neither a qform nor an sform") as caught:
            open_nifti(plain)
        assert caught[0].filename == __file__

    def test_other_units_of_length_are_a_doubt(self, plain):
        poke(plain, 123, "<B", 3)
        with pytest.warns(NiftiWarning, match=r"fa\.nii.*micrometres"):
            open_nifti(plain)

    @pytest.mark.parametrize("bad", [np.nan, 0.0])
    def test_an_unusable_affine_is_an_error_that_names_the_file(self, bad, plain):
        poke(plain, 280, "<4f", bad, 0, 0, 0)
        with pytest.raises(NiftiError, match=r"fa\.nii: "):
            open_nifti(plain)

    @pytest.mark.parametrize(
        "dims", [(3, -4, 5, 6), (3, 0, 5, 6), (0, 4, 5, 6), (9, 4, 5, 6), (-1, 4, 5, 6)]
    )
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_impossible_dims_are_an_error(self, dims, suffix, tmp_path):
        plain = poke(write(tmp_path / "fa.nii", ramp()), 40, "<4h", *dims)
        path = gzipped(tmp_path / "fa.nii.gz", plain.read_bytes()) if suffix[-1] == "z" else plain
        with pytest.raises(NiftiError, match=path.name):
            open_nifti(path)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_a_claim_beyond_the_file_is_refused_before_any_allocation(self, suffix, tmp_path):
        plain = poke(write(tmp_path / "fa.nii", ramp()), 40, "<4h", 3, 30000, 30000, 30000)
        path = gzipped(tmp_path / "fa.nii.gz", plain.read_bytes()) if suffix[-1] == "z" else plain
        with pytest.raises(
            NiftiError, match=r"claims 108,000,000,000,352 bytes for shape \(30000,"
        ):
            open_nifti(path)

    def test_a_possible_claim_beyond_the_limit_is_refused_too(self, plain):
        with (
            qsiparc.set_options(max_bytes=831),
            pytest.raises(NiftiError, match=r"832 bytes.*831.*set_options\(max_bytes=832\)"),
        ):
            open_nifti(plain)
        with qsiparc.set_options(max_bytes=832):
            assert open_nifti(plain).shape == (4, 5, 6)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_more_bytes_than_the_header_claims_are_a_doubt(self, suffix, tmp_path):
        plain = poke(write(tmp_path / "fa.nii", ramp()), 40, "<4h", 3, 4, 5, 5)
        path = gzipped(tmp_path / "fa.nii.gz", plain.read_bytes()) if suffix[-1] == "z" else plain
        with pytest.warns(NiftiWarning, match=rf"{path.name}: the file holds 80 bytes more"):
            fa = open_nifti(path).load()
        np.testing.assert_array_equal(fa, ramp()[..., :5])

    @given(st.integers(0, 351), st.integers(1, 255))
    @settings(max_examples=150, deadline=None)
    def test_whatever_a_header_says_only_our_errors_come_out(self, tmp_path_factory, at, flip):
        path = write(tmp_path_factory.mktemp("header") / "fa.nii", ramp())
        content = bytearray(path.read_bytes())
        content[at] ^= flip
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                open_nifti(path).load()
            except NiftiError as error:
                assert "fa.nii" in str(error)  # noqa: PT017 - not raising is right as well


class TestDamage:
    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_no_damaged_byte_of_a_gzip_gives_other_numbers(self, tmp_path_factory, data):
        path = write(tmp_path_factory.mktemp("damage") / "fa.nii.gz", ramp())
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = open_nifti(path).values
            except NiftiError as error:
                assert "fa.nii.gz" in str(error)  # noqa: PT017 - not raising is right as well
            else:
                np.testing.assert_array_equal(found, ramp())

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_a_cut_file_is_an_error(self, suffix, tmp_path):
        path = write(tmp_path / f"fa{suffix}", ramp())
        content = path.read_bytes()
        for length in (5, 100, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            with pytest.raises(NiftiError, match=path.name):
                open_nifti(path).load()

    def test_members_and_padding_are_legal(self, plain, squeezed):
        content = plain.read_bytes()
        parts = gzip.compress(content[:400]) + gzip.compress(content[400:]) + bytes(512)
        squeezed.write_bytes(parts)
        np.testing.assert_array_equal(open_nifti(squeezed), ramp())

    def test_garbage_at_the_end_is_not(self, squeezed):
        write(squeezed, np.random.default_rng(0).normal(size=(30, 30, 30)))
        squeezed.write_bytes(squeezed.read_bytes() + b"garbage")
        with pytest.raises(NiftiError, match="followed by b'garbage'"):
            open_nifti(squeezed).load()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "The file is empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
            (b"no volume at all" * 100, "not readable as a NIfTI volume"),
        ],
    )
    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
    def test_what_is_no_volume_says_what_it_looks_like(self, content, message, name, tmp_path):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NiftiError, match=rf"{name}.*{message}"):
            open_nifti(tmp_path / name)

    def test_the_content_counts_and_not_the_name(self, plain, squeezed, tmp_path):
        for path, name in ((squeezed, "a.nii"), (plain, "b.nii.gz"), (tmp_path / "a.nii", "c.Nii")):
            np.testing.assert_array_equal(open_nifti(path.rename(tmp_path / name)), ramp())

    def test_a_folder_says_so(self, tmp_path):
        (tmp_path / "sub_dwimap.nii.gz").mkdir()
        with pytest.raises(NiftiError, match="this is a folder, not a file"):
            open_nifti(tmp_path / "sub_dwimap.nii.gz")

    def test_other_kinds_of_image_say_what_they_are(self, tmp_path):
        nib.MGHImage(ramp(), MM2).to_filename(tmp_path / "fa.mgz")
        for source in (tmp_path / "fa.mgz", nib.load(tmp_path / "fa.mgz")):
            with pytest.raises(NiftiError, match=r"fa\.mgz: this is a MGHImage.*from_image"):
                open_nifti(source)
        with pytest.raises(NiftiError, match="the image in memory: this is a MGHImage"):
            open_nifti(nib.MGHImage(ramp(), MM2))

    def test_other_compressions_are_refused(self, plain, tmp_path):
        (tmp_path / "fa.nii.bz2").write_bytes(bz2.compress(plain.read_bytes()))
        with pytest.raises(NiftiError, match=r"fa\.nii\.bz2: .*Decompress it"):
            open_nifti(tmp_path / "fa.nii.bz2")


class TestSidecar:
    def sidecar(self, tmp_path, content: str, name: str = "fa.nii.gz") -> dict:
        path = write(tmp_path / name, ramp())
        stem = name.removesuffix(".gz").rpartition(".")[0]
        (tmp_path / f"{stem}.json").write_bytes(content.encode())
        return open_nifti(path).attrs

    @pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz", "fa.img"])
    def test_units_and_name_come_from_it(self, name, tmp_path):
        content = json.dumps({"Units": "mm2/s", "LongName": "Mean diffusivity", "n": 3})
        attrs = self.sidecar(tmp_path, content, name)
        assert (attrs["units"], attrs["long_name"]) == ("mm2/s", "Mean diffusivity")

    def test_a_description_serves_as_a_name(self, tmp_path):
        content = "\ufeff" + json.dumps({"Description": "A map", "unit": "1", "LongName": ""})
        attrs = self.sidecar(tmp_path, content)
        assert (attrs["units"], attrs["long_name"]) == ("1", "A map")

    def test_what_it_does_not_say_is_not_there(self, tmp_path):
        assert not {"units", "long_name"} & set(self.sidecar(tmp_path, '{"Units": 5}'))

    @pytest.mark.parametrize("content", ["{", "", "[1, 2]", "\x80", "[" * 100_000])
    def test_a_broken_one_is_a_warning(self, content, tmp_path):
        with pytest.warns(NiftiWarning, match=r"fa\.json: the JSON sidecar cannot be read"):
            assert "units" not in self.sidecar(tmp_path, content)


class TestWriting:
    @given(st.data(), affines(), shapes)
    @settings(max_examples=40, deadline=None)
    def test_every_voxel_stays_where_it_was(self, data, affine, shape):
        fa = volume(ramp(shape), affine).isel(data.draw(slicings(shape)))
        fa = fa.transpose(*data.draw(st.permutations("ijk")))
        back = fa.parc.to_nibabel()
        places = world_of(back.affine, back.shape).reshape(-1, 3)
        world = world_of(affine, shape).reshape(-1, 3, order="F")
        values = np.asarray(back.dataobj).ravel().astype(int)
        np.testing.assert_allclose(places, world[values], atol=1e-3)

    @pytest.mark.parametrize("name", ["out.nii", "out.nii.gz", "out.NII.GZ"])
    def test_a_file_opens_as_it_was_written(self, name, tmp_path):
        fa = volume(ramp()).isel(i=slice(None, None, -1), k=slice(1, None, 2))
        path = fa.parc.to_nifti(tmp_path / name)
        assert path == tmp_path / name
        again = open_nifti(path)
        assert again.dtype == np.float32
        np.testing.assert_array_equal(again, fa)
        assert again.parc.affine[0].tolist() == [-2, 0, 0, 6]
        assert again.parc.affine[2].tolist() == [0, 0, 4, 2]

    def test_it_replaces_what_is_there_and_leaves_nothing_else(self, squeezed):
        (volume(ramp()) + 1).parc.to_nifti(squeezed)
        np.testing.assert_array_equal(open_nifti(squeezed), ramp() + 1)
        assert [path.name for path in squeezed.parent.iterdir()] == ["fa.nii.gz"]

    def test_it_may_replace_its_own_source(self, squeezed):
        fa = open_nifti(squeezed) * 2
        fa.parc.to_nifti(squeezed)
        np.testing.assert_array_equal(open_nifti(squeezed), ramp() * 2)

    def test_a_failing_write_leaves_the_old_file_and_no_litter(self, squeezed, monkeypatch):
        before = squeezed.read_bytes()

        def fail(_image, path):
            Path(path).write_bytes(b"half")
            raise OSError("the disk is full")

        monkeypatch.setattr(nib, "save", fail)
        with pytest.raises(OSError, match="the disk is full"):
            volume(ramp()).parc.to_nifti(squeezed)
        assert squeezed.read_bytes() == before
        assert len([*squeezed.parent.iterdir()]) == 1

    def test_a_file_has_the_permissions_that_other_new_files_have(self, tmp_path):
        (tmp_path / "other").write_text("")
        path = volume(ramp()).parc.to_nifti(tmp_path / "fa.nii")
        assert path.stat().st_mode == (tmp_path / "other").stat().st_mode

    def test_other_names_are_an_error(self, tmp_path):
        with pytest.raises(NiftiError, match=r"fa\.mgz: .*ends in \.nii or \.nii\.gz"):
            volume(ramp()).parc.to_nifti(tmp_path / "fa.mgz")

    @pytest.mark.parametrize(
        ("data", "stored"),
        [
            (ramp(dtype=bool), np.uint8),
            (ramp(dtype=np.float16), np.float32),
            (ramp(dtype=np.int64), np.int32),
            (ramp(dtype=np.int64) + 2**40, np.int64),
            (ramp(dtype=np.uint64), np.int32),
            (ramp(dtype=np.float64) + 0.1, np.float64),
        ],
    )
    def test_types_are_ones_that_readers_know(self, data, stored, tmp_path):
        array = xr.DataArray(data, dims=("i", "j", "k")).parc.with_affine(MM2)
        again = open_nifti(array.parc.to_nifti(tmp_path / "a.nii.gz"))
        assert again.dtype == stored
        np.testing.assert_array_equal(again, data)

    def test_a_fourth_dim_may_have_any_name(self):
        stack = xr.concat([volume(ramp()), volume(ramp() + 1)], "scalar")
        back = stack.parc.to_nibabel()
        assert back.shape == (4, 5, 6, 2)
        np.testing.assert_array_equal(np.asarray(back.dataobj)[..., 1], ramp() + 1)

    def test_a_fifth_is_an_error(self):
        stack = volume(ramp((2, 2, 2, 3))).expand_dims(subject=2)
        with pytest.raises(SpaceError, match=r"at most four dimensions.*subject.*volume"):
            stack.parc.to_nibabel()

    def test_a_plane_is_an_error_that_says_how_to_keep_its_axis(self):
        with pytest.raises(SpaceError, match=r"isel\(k=\[5\]\)"):
            volume(ramp()).isel(k=2).parc.to_nibabel()


class BytesPath:
    def __fspath__(self):
        return b"a.nii"


class TestBackend:
    def test_it_takes_names_of_volumes_only(self):
        guess = NiftiBackend().guess_can_open
        assert guess("a.nii")
        assert guess(Path("b.NII.GZ"))
        assert not guess("a.nc")
        assert not guess("a.nii.txt")
        assert not guess(b"a.nii")
        assert not guess(BytesPath())
        assert not guess(object())

    def test_of_img_and_hdr_it_takes_those_that_are_volumes(self, tmp_path):
        guess = NiftiBackend().guess_can_open
        for name in ("a.img", "b.img.gz"):
            write(tmp_path / name, ramp())
        for name in ("a.img", "a.hdr", "b.img.gz", "b.hdr.gz"):
            assert guess(tmp_path / name), name
        content = bytearray((tmp_path / "a.hdr").read_bytes())
        content[:4] = b"\1\2\3\4"  # damaged, and a volume's all the same
        (tmp_path / "a.hdr").write_bytes(content)
        assert guess(tmp_path / "a.img")
        (tmp_path / "e.hdr").write_text("ENVI\nsamples = 3")  # another world's image
        (tmp_path / "e.img").write_bytes(b"")
        assert not guess(tmp_path / "e.hdr")
        assert not guess(tmp_path / "e.img")
        assert not guess(str(tmp_path / "none.img"))

    @pytest.mark.parametrize("name", ["fa.nii.gz.part", "fa", "fa.gz"])
    def test_of_any_gzip_it_takes_those_that_hold_volumes(self, tmp_path, name):
        content = gzip.compress(image(ramp()).to_bytes())
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(xr.open_dataarray(tmp_path / name), ramp())
        (tmp_path / name).write_bytes(content[:-9])
        with pytest.raises(NiftiError, match=rf"{name}: the file is cut short"):
            xr.open_dataarray(tmp_path / name).load()
        for other in (gzip.compress(b"CDF\1" * 200), b"\x1f\x8b" + bytes(500), b"\x1f\x8b"):
            (tmp_path / name).write_bytes(other)
            assert not NiftiBackend().guess_can_open(tmp_path / name)


def test_the_voxel_types_of_memory_are_native_and_no_wider_than_double():
    assert voxels.in_memory(np.dtype(">f4")) == np.dtype("f4")
    assert voxels.in_memory(np.dtype("g")) == np.dtype("f8")
