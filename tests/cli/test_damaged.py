"""Files that are damaged, or made to do harm: one line each, and no code is run."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli import main
from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features
from skfmvae.cli.tables import read_table

N_ROWS = 40


def table():
    rng = np.random.default_rng(0)
    numbers, words = rng.normal(size=N_ROWS), ["u", "v"] * (N_ROWS // 2)
    return pd.DataFrame({"x": numbers, "word": words, "kind": np.arange(N_ROWS) % 3})


def write_zst(path):
    pa = pytest.importorskip("pyarrow")
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(table().to_csv(index=False).encode())


def write_parquet(path):
    pytest.importorskip("pyarrow")
    table().to_parquet(path)


def write_npz(path):
    columns = table()
    np.savez(path, x=columns["x"], kind=columns["kind"])


def write_csv(path):
    table().to_csv(path, index=False)


WRITERS = {".csv": write_csv, ".csv.gz": write_csv, ".csv.xz": write_csv}
WRITERS |= {".csv.bz2": write_csv, ".csv.zip": write_csv, ".csv.zst": write_zst}
WRITERS |= {".npz": write_npz, ".parquet": write_parquet}


def damaged(content, rng):
    """Return bytes cut short, or with some of them replaced or put in."""
    kind, start = rng.integers(4), int(rng.integers(len(content)))
    if kind == 0:
        return content[:start]
    if kind == 1:
        changed = bytearray(content)
        changed[start] ^= 1 << int(rng.integers(8))
        return bytes(changed)
    noise = rng.bytes(rng.integers(1, 30))
    return content[:start] + noise + content[start + (kind == 2) * len(noise) :]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("suffix", WRITERS)
def test_damaged_files_are_read_or_refused(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refusals = []
    for _ in range(30):
        path.write_bytes(damaged(content, rng))
        try:
            X, _ = read_table(path, ["kind"])
            as_features(X, path.name)
        except InputError as error:
            refusals.append(str(error))
    assert refusals
    assert all(path.name in message for message in refusals)
    assert max(map(len, refusals)) < 1000


def header(text):
    """Return the start of a file of NumPy's that claims to hold something."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text.encode()


def claims(shape, kind="<f8"):
    return header(f"{{'descr':'{kind}','fortran_order':False,'shape':{shape}}}\n")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def refusal(path, capsys):
    """Return the one line on stderr of a study of a file."""
    options = "--target kind --budgets 4 --estimators GaussianNB --quiet --out"
    out = path.with_name("out")
    assert main(["study", str(path), *options.split(), str(out)]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith("skfmvae: error: ")
    assert printed.err.count("\n") == 1
    assert path.name in printed.err
    return printed.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (claims((66 * 10**12,)), "MemoryError"),
        (claims((10**30,)), "OverflowError"),
        (claims((-5,)), "negative"),
        (claims((N_ROWS,)), "EOF"),
        (claims((N_ROWS,), "nonsense"), "cannot be read"),
        (claims((1,), "|O"), "allow_pickle=False"),
        (header("[" * 3000 + "]" * 3000), "cannot be read"),
        (header("-" * 9000 + "1"), "cannot be read"),
        (header("(" * 90), "cannot be read"),
        (b"no array", "'x' of 'data.npz' is no array"),
        (npy(np.zeros(N_ROWS, dtype=[("a", "f8"), ("b", "i4")])), "records"),
        (npy(np.zeros(N_ROWS, dtype="V8")), "raw bytes"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_arrays_that_claim_what_they_are_not(tmp_path, capsys, content, words):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kind.npy", npy(np.arange(N_ROWS) % 2))
        archive.writestr("x.npy", content)
    assert words in refusal(path, capsys)


def test_no_code_in_a_file_is_run(tmp_path, capsys):
    harm = tmp_path / "harm"
    path = tmp_path / "data.npz"
    np.savez(path, kind=np.arange(2), x=np.array([Bomb(harm), None], dtype=object))
    assert "allow_pickle=False" in refusal(path, capsys)
    for name in ("data.csv", "data.parquet", "data.csv.gz"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(harm)))
        refusal(tmp_path / name, capsys)
    assert not harm.exists()
    # It would, if it were unpickled.
    np.load(path, allow_pickle=True)["x"][0].close()
    assert harm.exists()


@pytest.mark.parametrize(
    ("kind", "x", "words"),
    [
        ([[1], [2]], [0, 1], "--target: column 'kind'"),
        ([{"a": 1}, {"a": 2}], [0, 1], "--target: column 'kind'"),
        ([b"a", b"\xff"], [0, 1], "--target: column 'kind'"),
        ([None, None], [0, 1], "has no label"),
        ([0, 1], [[1, 2], [3]], "--drop x"),
        ([0, 1], [{"a": 1}, None], "--drop x"),
        ([0, 1], [b"a", b"\xff"], "--drop x"),
    ],
)
def test_parquet_with_columns_of_other_kinds(tmp_path, capsys, kind, x, words):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "data.parquet"
    parquet.write_table(pa.table({"kind": kind * 20, "x": x * 20}), path)
    assert words in refusal(path, capsys)


def test_parquet_keeps_large_whole_numbers_beside_gaps(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    labels = [2**53, 2**53 + 1, None] * 9
    parquet.write_table(pa.table({"kind": labels, "x": [0.5] * 27}), tmp_path / "d.pq")
    _, y = read_table(tmp_path / "d.pq", ["kind"])
    assert y["kind"].tolist() == [2**53, 2**53 + 1, -1] * 9


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".csv", "data.csv.zip", "empty.npz", "empty.csv.gz"]
)
def test_names_and_empty_files(tmp_path, capsys, name):
    if len(name) < 100:
        (tmp_path / name).write_bytes(b"")
    refusal(tmp_path / name, capsys)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecursionError("too deep"), "RecursionError: too deep"),
        (MemoryError(), "MemoryError"),
        (KeyError("x"), "KeyError: 'x'"),
        (OSError(), "OSError"),
        (OSError("gone"), "gone"),
        (ValueError("wrong\n\nfor long"), "wrong for long"),
    ],
    ids=repr,
)
def test_whatever_a_library_raises(tmp_path, capsys, monkeypatch, error, reason):
    def fail(*args, **kwargs):
        raise error

    path = tmp_path / "data.csv"
    write_csv(path)
    monkeypatch.setattr(pd, "read_csv", fail)
    assert refusal(path, capsys).endswith(f"cannot be read: {reason}\n")


def test_an_interrupt_is_no_damage(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    path = tmp_path / "data.csv"
    write_csv(path)
    monkeypatch.setattr(pd, "read_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_table(path, ["kind"])
