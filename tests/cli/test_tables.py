"""Features and targets from files; damaged files give one line, and no code is run."""

import bz2
import gzip
import io
import lzma
import pickle
import re
import struct
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli import main
from skfmvae.cli.arguments import make_parser
from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features
from skfmvae.cli.tables import read_table
from skfmvae.targets import PartialLabelEncoder


def written(tmp_path, table):
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("labels", "encoded", "classes"),
    [
        ([3, None, -1, 7], [0, -1, -1, 1], [3, 7]),
        ([3, 3, 7, 7], [0, 0, 1, 1], [3, 7]),
        (["u", None, " v", "-1"], [0, -1, 1, -1], ["u", "v"]),
        ([True, None, False, True], [1, -1, 0, 1], [False, True]),
        ([True, True, False, True], [1, 1, 0, 1], [False, True]),
    ],
)
def test_targets_are_partial_labels(tmp_path, labels, encoded, classes):
    table = pd.DataFrame({"x": [1, 2, 3, 4], "y": pd.Series(labels, dtype=object)})
    X, y = read_table(written(tmp_path, table), ["y"])
    encoder = PartialLabelEncoder().fit(y["y"])
    assert encoder.transform(y["y"]).ravel().tolist() == encoded
    # Their text is right, too: 3 is not 3.0.
    assert list(map(str, encoder.classes[0].tolist())) == list(map(str, classes))
    assert X.columns.tolist() == ["x"]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "string", "category"])
def test_targets_of_parquet_with_dtypes_of_pandas(tmp_path, dtype):
    pytest.importorskip("pyarrow")
    labels = pd.Series(
        ["a", None, "b"] if dtype in ("string", "category") else [0, None, 1]
    )
    table = pd.DataFrame({"x": [1, 2, 3], "y": labels.astype(dtype)})
    table.to_parquet(tmp_path / "data.parquet")
    _, y = read_table(tmp_path / "data.parquet", ["y"])
    encoded = PartialLabelEncoder().fit(y["y"]).transform(y["y"])
    assert encoded.ravel().tolist() == [0, -1, 1]


def test_numbers_are_read_to_the_last_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=200)
    path = written(tmp_path, pd.DataFrame({"x": values, "y": np.arange(200) % 2}))
    np.testing.assert_array_equal(read_table(path, ["y"])[0]["x"], values)


def test_truth_values_are_numbers_and_other_words_are_text(tmp_path):
    table = pd.DataFrame({"t": ["TRUE", "false", "True", None], "w": ["yes", "no"] * 2})
    X, y = read_table(written(tmp_path, table.assign(y=["true", "FALSE"] * 2)), ["y"])
    with pytest.warns(UserWarning, match=r"^1 fields .*: 't' \(empty: 1\)"):
        X = as_features(X, "data.csv")
    assert X["t"].tolist()[:3] == [1, 0, 1]
    assert X["w"].tolist() == ["yes", "no"] * 2
    assert y["y"].tolist() == [True, False] * 2


def text_file(tmp_path, content, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"{i * i},{'uvw'[i % 3]}\n" for i in range(30))


@pytest.mark.parametrize(
    "header",
    ["x,y ", " x,y", '"x", "y "', "\ufeffx,y", '\ufeff"x",y', "x,y\r", 'x,"\ny"'],
)
def test_blanks_around_names_are_ignored(tmp_path, header):
    path = text_file(tmp_path, f"{header}\n{ROWS}")
    options = "study d --budgets 1 --estimators SVC --out o --target".split()
    for asked in ("y", "y ", '"y "'):
        targets = make_parser().parse_args([*options, asked]).target
        X, y = read_table(path, targets)
        assert (X.columns.tolist(), y.columns.tolist()) == (["x"], ["y"])


def test_names_with_blanks_within(tmp_path):
    path = text_file(tmp_path, f'x,"kind  of\nthing"\n{ROWS}')
    options = "study d --budgets 1 --estimators SVC --out o --target".split()
    for asked in ("kind of thing", "kind  of\nthing"):
        parsed = make_parser().parse_args([*options, asked, "--groups", asked])
        assert [parsed.groups] == parsed.target
        assert read_table(path, parsed.target)[1].columns.tolist() == parsed.target


@pytest.mark.parametrize("header", ["y,y", "y ,y", '" y",y'])
def test_names_that_differ_by_blanks_alone(tmp_path, header):
    path = text_file(tmp_path, f"{header}\n{ROWS}")
    with pytest.raises(InputError, match="two columns named 'y'; rename one"):
        read_table(path, ["y"])


def test_columns_without_a_name(tmp_path):
    path = text_file(tmp_path, "".join(f"{i},{i}\n" for i in ("y", 1, 2, 3)))
    path.write_text(path.read_text().replace("y,y", " ,y"))
    X, _ = read_table(path, ["y"])
    assert X.columns.tolist() == ["Unnamed: 0"]


def test_line_ends_of_all_kinds(tmp_path):
    path = text_file(tmp_path, b"x,y\r\n1,a\n2,b\r3,a\r\n\n4,b")
    X, y = read_table(path, ["y"])
    assert X["x"].tolist() == [1, 2, 3, 4]
    assert y["y"].tolist() == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x;y\n1;a\n", "no column 'y'; its columns are not separated by commas"),
        ("x;y\n1,5;a\n", "more fields than the first.*by commas"),
        ("x,y\n1,é\n".encode("cp1252"), "utf-8.*save it in UTF-8"),
        ("x,y\n1,é\n".encode("utf-16"), "utf-8.*save it in UTF-8"),
        ('x,y\n1,"a\n2,b\n', "quotes come in pairs"),
    ],
)
def test_csv_of_other_kinds(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_table(text_file(tmp_path, content), ["y"])


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zip"])
@pytest.mark.parametrize(
    ("separator", "kind", "end"), [(",", ".csv", "\n"), ("\t", ".tsv", "\r\n")]
)
def test_rows_that_lack_fields(tmp_path, suffix, separator, kind, end):
    rows = [["x", "a, b", "y"], *([str(i * i), "", "uv"[i % 2]] for i in range(9))]
    # Empty fields, empty lines and separators within quotes are correct.
    rows[2:5] = [["1", ' "s, \t"" t"', ""], ["", "", ""], ["  "]]
    whole = [separator.join(f'"{f}"' if ", b" in f else f for f in row) for row in rows]
    torn = [*whole[:6], "7", *whole[6:], f'8{separator} "p, \tq"']
    for lines in (whole, torn):
        path = tmp_path / f"data{kind}{suffix}"
        compress(end.join(["\ufeff" + lines[0], *lines[1:], ""]).encode(), path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, y = read_table(path, ["y"])
        expected = f"2 rows of {path.name!r} have fewer than the 3 fields .* line 7;"
        assert len(caught) == (lines is torn)
        assert all(re.match(expected, str(warning.message)) for warning in caught)
        assert y["y"].isna().sum() == 2 * (lines is torn) + 2


def compress(content, path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", content)
        return
    openers = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    with openers.get(path.suffix, open)(path, "wb") as file:
        file.write(content)


def test_long_fields_are_read(tmp_path):
    path = text_file(tmp_path, f"x,y\n{'1' * 200_000},a\n2,b\n")
    assert len(read_table(path, ["y"])[0]["x"][0]) == 200_000


def test_arrays_are_flattened_or_dropped(tmp_path):
    image = np.arange(24.0).reshape(2, 3, 4)
    path = tmp_path / "data.npz"
    objects = np.array([{}, None], dtype=object)
    np.savez(path, image=image, size=[5, 6], y=[[0], [1]], why=objects)
    X, y = read_table(path, ["y"], ["why"])
    assert X.columns.tolist() == [*(f"image_{i}" for i in range(12)), "size"]
    np.testing.assert_array_equal(X.iloc[:, :12], image.reshape(2, -1))
    assert y["y"].tolist() == [0, 1]


# Damaged files ------------------------------------------------------------------------


N_ROWS = 40


def small_table():
    rng = np.random.default_rng(0)
    numbers, words = rng.normal(size=N_ROWS), ["u", "v"] * (N_ROWS // 2)
    return pd.DataFrame({"x": numbers, "word": words, "kind": np.arange(N_ROWS) % 3})


def write_zst(path):
    pa = pytest.importorskip("pyarrow")
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(small_table().to_csv(index=False).encode())


def write_parquet(path):
    pytest.importorskip("pyarrow")
    small_table().to_parquet(path)


def write_npz(path):
    columns = small_table()
    np.savez(path, x=columns["x"], kind=columns["kind"])


def write_csv(path):
    small_table().to_csv(path, index=False)


WRITERS = {".csv": write_csv, ".csv.gz": write_csv, ".csv.xz": write_csv}


WRITERS |= {".csv.bz2": write_csv, ".csv.zip": write_csv, ".csv.zst": write_zst}


WRITERS |= {".npz": write_npz, ".parquet": write_parquet}


def damaged(content, rng):
    """Return bytes cut short, changed, replaced or inserted."""
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
    """Return the start of a NumPy file with a header of any text."""
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
    """Return the one line that a study of a file prints on stderr."""
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
def test_arrays_with_false_headers(tmp_path, capsys, content, words):
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
    # Unpickled, it would.
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


def test_parquet_keeps_large_whole_numbers_beside_missing_ones(tmp_path):
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
def test_errors_of_libraries_are_one_line(tmp_path, capsys, monkeypatch, error, reason):
    def fail(*args, **kwargs):
        raise error

    path = tmp_path / "data.csv"
    write_csv(path)
    monkeypatch.setattr(pd, "read_csv", fail)
    assert refusal(path, capsys).endswith(f"cannot be read: {reason}\n")


def test_an_interrupt_is_not_a_damaged_file(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    path = tmp_path / "data.csv"
    write_csv(path)
    monkeypatch.setattr(pd, "read_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_table(path, ["kind"])
