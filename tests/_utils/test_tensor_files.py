import hashlib
import json
import os
import stat

import pytest
import safetensors
import torch

from skfmvae._utils.tensor_files import InvalidFileError, read_tensors, write_tensors

TENSORS = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.tensor([True]),
    "c": torch.empty(0),
}
ABOUT = {"one": [1, None, "ü"], "two": {}}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "x"
    write_tensors(path, TENSORS, ABOUT)
    tensors, about = read_tensors(path.read_bytes())
    assert about.pop("checksum")
    assert about == ABOUT
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value)


def test_other_programs_read_it(tmp_path):
    write_tensors(tmp_path / "x", TENSORS, ABOUT)
    with safetensors.safe_open(tmp_path / "x", framework="pt") as file:
        assert torch.equal(file.get_tensor("a"), TENSORS["a"])
        assert json.loads(file.metadata()["skfmvae"])["one"] == ABOUT["one"]


def test_the_checksum_is_of_tensors_and_json(tmp_path):
    """Recomputed from the description of the format alone."""
    write_tensors(tmp_path / "x", TENSORS, ABOUT)
    data = (tmp_path / "x").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    about = json.loads(header["__metadata__"]["skfmvae"])
    found = about.pop("checksum")
    header["__metadata__"] = about
    text = json.dumps(header, sort_keys=True).encode()
    assert found == hashlib.sha256(text + data[start:]).hexdigest()


@pytest.mark.parametrize("position", [-1, -12, 40, 200])
def test_a_flipped_bit_is_found(tmp_path, position):
    write_tensors(tmp_path / "x", TENSORS, ABOUT)
    data = bytearray((tmp_path / "x").read_bytes())
    data[position] ^= 1
    with pytest.raises(InvalidFileError):
        read_tensors(bytes(data))


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_tensors(path, TENSORS, ABOUT)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_tensors(path, TENSORS, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_has_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_tensors(tmp_path / "nowhere" / "x", TENSORS, ABOUT)


def test_others_may_read_it_where_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        write_tensors(tmp_path / "x", TENSORS, ABOUT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644
