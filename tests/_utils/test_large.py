"""Arrays that are not copied: in blocks, cast as they are read, or on disk."""

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from skfmvae._utils import large
from skfmvae._utils.large import (
    RowView,
    blocks,
    columns_of,
    empty_rows,
    is_large,
    is_mapped,
    release,
)


@pytest.fixture
def mapped(tmp_path):
    """Return a function that writes an array to a file and opens a map of it."""

    def write(X, mode="r"):
        np.save(tmp_path / "X.npy", X)
        return np.load(tmp_path / "X.npy", mmap_mode=mode)

    return write


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (700, 5)).astype(np.uint8)


def test_blocks_cover_all_rows_once(monkeypatch):
    monkeypatch.setattr(large, "BLOCK_SIZE", 60)
    X = np.zeros((103, 7))
    rows = np.concatenate([np.arange(103)[block] for block in blocks(X)])
    assert rows.tolist() == list(range(103))
    assert max(len(X[block]) for block in blocks(X)) == 60 // 7
    assert list(blocks(X[:0])) == []


@pytest.mark.parametrize(
    "index",
    [
        slice(3, 90, 2),
        np.array([5, 699, 5]),
        np.arange(699, -1, -1),  # more rows than are read at once
        np.arange(700) % 3 == 0,
        np.array([], dtype=np.int64),
        (17, 3),
        np.array([4, 0]),
    ],
)
@pytest.mark.parametrize("columns", [None, [4, 0, 2, 2]])
@pytest.mark.parametrize("most", [10**8, 100])
def test_a_view_is_read_as_the_array_in_floats_is(
    mapped, pixels, index, columns, most, monkeypatch
):
    monkeypatch.setattr(large, "MOST_COPIED", most)
    whole = pixels.astype(np.float32)
    view = RowView(mapped(pixels))
    if columns is not None:
        view, whole = view[:, columns], whole[:, columns]
    assert (view.shape, len(view), view.dtype) == (whole.shape, 700, whole.dtype)
    np.testing.assert_array_equal(view[index], whole[index], strict=True)
    np.testing.assert_array_equal(np.asarray(view), whole, strict=True)
    np.testing.assert_array_equal(view[:, [1]][2:9], whole[2:9, [1]], strict=True)


def test_maps_and_many_values_are_large(mapped, pixels, monkeypatch):
    of_file = mapped(pixels)
    assert is_mapped(of_file)
    assert is_large(of_file)
    assert is_large(np.asarray(of_file)[::2].T)
    assert not is_large(pixels)
    assert not is_large(pixels.tolist())
    assert isinstance(columns_of(of_file, [1]), RowView)
    assert isinstance(columns_of(pixels, [1]), np.ndarray)
    monkeypatch.setattr(large, "MOST_COPIED", 3499)
    assert is_large(pixels)
    assert not is_mapped(pixels)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_are_given_back_and_changes_are_kept(mapped, monkeypatch):
    monkeypatch.setattr(large, "MOST_COPIED", 100)
    X = np.arange(2**20, dtype=np.float64).reshape(-1, 8)

    def pages_of_files():
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("RssFile:")[1].split()[0])

    before = pages_of_files()
    of_file = mapped(X, "r+")
    total = of_file.sum()
    assert pages_of_files() - before > 7000  # of 8192 kB
    of_file[0, 0] = 5
    release(of_file)
    assert pages_of_files() - before < 1000
    assert of_file[0, 0] == 5
    assert of_file.sum() == total + 5
    changed = mapped(X, "c")  # changes of which are in memory alone
    changed[0, 0] = 7
    release(changed)
    assert changed[0, 0] == 7


def test_temporary_files_vanish_with_their_array(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(large, "BLOCK_SIZE", 10)
    monkeypatch.setattr(large, "MOST_COPIED", 2)
    array = empty_rows((3, 4), np.float32, on_disk=True)
    array[:] = 1
    release(array)
    assert is_mapped(array)
    assert array.sum() == 12
    assert not list(tmp_path.iterdir())  # it has no name to be left behind
    del array
    gc.collect()
    if sys.platform == "linux":
        assert str(tmp_path) not in Path("/proc/self/maps").read_text(encoding="utf-8")
    for few in (
        empty_rows((2, 4), int, on_disk=True),
        empty_rows((9, 4), int, on_disk=False),
    ):
        assert not is_mapped(few)


@pytest.mark.skipif(sys.platform != "linux", reason="reserves room there")
def test_a_disk_without_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(
        OSError, match=f"temporary file of .* GB in '{tmp_path}'.*TMPDIR"
    ):
        empty_rows((2**40, 2**10), np.float64, on_disk=True)
