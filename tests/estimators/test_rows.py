"""Rows of any form go in, and results come back row by row."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from skfmvae import SemiSupervisedVAE
from skfmvae._utils import large
from skfmvae._utils.large import RowView
from skfmvae.datasets import open_parquet
from skfmvae.estimators import judging
from skfmvae.neighbour_graph import subsample
from skfmvae.nn import Bernoulli, ContinuousBernoulli
from skfmvae.training import net

# Of code that all estimators share, for which one of them stands.
one_estimator = pytest.mark.parametrize(
    "Estimator", [SemiSupervisedVAE], indirect=True, ids=["SemiSupervisedVAE"]
)

# Rows that are refused ----------------------------------------------------------------


# name: (parameters, what becomes of (X, y), what the message says)
REFUSED = {
    "one_row": ({}, lambda X, y: (X[:1], y[:1]), ["1 sample", "minimum of 2"]),
    "no_columns": ({}, lambda X, y: (X[:, :0], y), ["0 feature", "minimum of 1"]),
    "one_dimension": ({}, lambda X, y: (X[0], y), ["2D array", "reshape"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fit_refuses(assert_fit_refuses, case):
    assert_fit_refuses(*REFUSED[case])


@pytest.mark.parametrize(
    "method",
    [
        *("predict", "predict_proba", "property_proba", "score_samples"),
        *("transform", "reconstruct", "score"),
    ],
)
def test_every_method_checks_its_rows(says, with_value, fitted, blobs, method):
    X, _ = blobs
    with pytest.raises(ValueError, match=says("X has 3 features", "expecting 4")):
        getattr(fitted, method)(X[:, :3])
    with pytest.raises(ValueError, match=says("X", "infinity", "row 3", "column 2")):
        getattr(fitted, method)(with_value(X, np.inf))


@pytest.mark.parametrize(
    "method",
    [
        *("predict", "predict_proba", "property_proba", "score_samples"),
        *("transform", "reconstruct", "inverse_transform", "score"),
    ],
)
def test_an_unfitted_estimator_refuses(make_estimator, blobs, method):
    with pytest.raises(NotFittedError):
        getattr(make_estimator(), method)(blobs[0])


@pytest.mark.parametrize("kind", [float, int, object])
def test_masked_entries_are_missing(make_estimator, partial_blobs, kind):
    X, y = partial_blobs
    X = np.round(X).astype(kind)
    nan, masked = X.astype(np.float64), np.ma.array(X, mask=False)
    nan[3, 2], masked[3, 2] = np.nan, np.ma.masked
    model = make_estimator(max_epochs=1).fit(nan, y)
    for rows in (masked, list(masked)):
        again = make_estimator(max_epochs=1).fit(rows, y)
        np.testing.assert_array_equal(
            again.predict_proba(nan), model.predict_proba(rows)
        )


# Forms --------------------------------------------------------------------------------


WHOLE = np.random.default_rng(0).integers(0, 9, size=(60, 4))
WHOLE_Y = np.where(np.arange(60) < 20, WHOLE[:, 0] % 2, -1)


@pytest.fixture(scope="module")
def fitted_to_an_array(make_estimator):
    X = WHOLE.astype(np.float32)
    return X, make_estimator().fit(X, WHOLE_Y)


@one_estimator
@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.float64),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.int64),
        lambda X: X.astype(np.uint8),
        lambda X: np.asfortranarray(X),
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X.tolist(),
        lambda X: scipy.sparse.csr_matrix(X),
        lambda X: scipy.sparse.csr_array(X),
        lambda X: scipy.sparse.coo_array(X),
        lambda X: pd.DataFrame(X, columns=list("abcd")),
        lambda X: pl.DataFrame(X, schema=list("abcd")),
    ],
    ids=[
        *("float64", "float16", "int64", "uint8", "fortran", "strided", "list"),
        *("csr_matrix", "csr_array", "coo_array", "pandas", "polars"),
    ],
)
def test_rows_may_come_in_any_form(make_estimator, fitted_to_an_array, convert):
    X, expected = fitted_to_an_array
    same = convert(X)
    estimator = make_estimator().fit(same, WHOLE_Y)
    # Column statistics of sparse rows are summed in another order.
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        np.testing.assert_allclose(
            getattr(estimator, method)(same),
            getattr(expected, method)(X),
            rtol=1e-4,
            atol=1e-5,
        )
    np.testing.assert_allclose(
        estimator.intervene(same, {"property_0": 1}),
        expected.intervene(X, {"property_0": 1}),
        rtol=1e-4,
        atol=1e-4,
    )


def test_names_of_columns_are_kept(make_estimator):
    frame = pd.DataFrame(WHOLE, columns=list("abcd"))
    estimator = make_estimator().fit(frame, WHOLE_Y)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[list("dcba")])
    assert not hasattr(make_estimator().fit(WHOLE, WHOLE_Y), "feature_names_in_")


class SeeRows(Callback):
    """Note where the rows lie that the training sees."""

    def on_train_begin(self, net, X=None, **kwargs):
        rows = X.x.array if isinstance(X.x, RowView) else X.x.numpy()
        self.address = rows.ctypes.data


@pytest.mark.skipif(torch.cuda.is_available(), reason="the rows move to the device")
def test_float32_rows_are_not_copied(make_estimator, partial_blobs, tmp_path):
    X, y = partial_blobs
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    see = SeeRows()
    estimator = make_estimator(callbacks=[see]).fit(mapped, y)
    assert see.address == mapped.ctypes.data
    np.testing.assert_array_equal(
        estimator.predict_proba(X), make_estimator().fit(X, y).predict_proba(X)
    )
    np.testing.assert_array_equal(
        estimator.predict_proba(mapped), estimator.predict_proba(X)
    )


def test_frames_pass_every_method_without_a_warning(make_estimator, partial_blobs):
    X, y = partial_blobs
    X = pd.DataFrame(X, columns=list("abcd"))
    estimator = make_estimator().fit(X, y)
    # pytest turns a warning about feature names into an error.
    estimator.score(X, y)
    estimator.score(X)
    estimator.score_samples(X)
    estimator.reconstruct(X)
    estimator.property_proba(X)
    estimator.intervene(X, {"property_0": 0})
    Z = estimator.transform(X)
    assert estimator.inverse_transform(Z).shape == X.shape


# Row by row ---------------------------------------------------------------------------


def test_a_row_does_not_depend_on_its_neighbours(make_estimator, partial_blobs):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    order = np.random.default_rng(0).permutation(150)
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        call = getattr(estimator, method)
        np.testing.assert_allclose(call(X[order]), call(X)[order], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(call(X[:1]), call(X)[:1], rtol=1e-5, atol=1e-6)


def test_many_rows_go_through_in_chunks(make_estimator, partial_blobs):
    """More rows than are computed at once, whose results are joined in order."""
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    many = np.tile(X, (9, 1))
    np.testing.assert_allclose(
        estimator.predict_proba(many),
        np.tile(estimator.predict_proba(X), (9, 1)),
        atol=1e-6,
    )
    wanted = np.resize([0, 1, 2], len(many))
    single = [estimator.intervene(X, {"property_0": value}) for value in range(3)]
    changed = estimator.intervene(many, {"property_0": wanted})
    for value in range(3):
        rows = np.flatnonzero(wanted == value)
        np.testing.assert_allclose(
            changed[rows], single[value][rows % 150], rtol=1e-4, atol=1e-4
        )


# Sparse rows in every form that scipy allows ------------------------------------------

COUNTS = np.random.default_rng(0).poisson(0.7, (60, 6)).astype(np.float32)
COUNTS[:30, :3] += 3
COUNTS[7] = 0
COUNTS[:, 5] = 0
Y = np.where(np.arange(60) < 20, np.arange(60) % 2, -1)
EMPTY = np.zeros((4, 6), dtype=np.float32)


def entries(X):
    """Return a CSR matrix in which zeros are stored, too."""
    n, d = X.shape
    parts = X.ravel().copy(), np.tile(np.arange(d), n), np.arange(0, n * d + 1, d)
    return scipy.sparse.csr_matrix(parts, shape=X.shape)


def unsorted(X):
    matrix = entries(X[:, ::-1])
    indices = X.shape[1] - 1 - matrix.indices
    return scipy.sparse.csr_matrix((matrix.data, indices, matrix.indptr), X.shape)


def in_parts(X):
    """Return a CSR matrix that stores every count as the sum of one and the rest."""
    twice = np.stack([np.minimum(X, 1) / 2, X - np.minimum(X, 1) / 2], axis=2)
    n, d = X.shape
    columns = np.tile(np.repeat(np.arange(d), 2), n)
    parts = twice.ravel(), columns, np.arange(0, 2 * n * d + 1, 2 * d)
    return scipy.sparse.csr_matrix(parts, shape=X.shape)


def wide_indices(X):
    X = scipy.sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


FORMS = {
    "array": scipy.sparse.csr_array,
    "matrix": scipy.sparse.csr_matrix,
    "columns": scipy.sparse.csc_array,
    "stored_zeros": entries,
    "unsorted": unsorted,
    "in_parts": in_parts,
    "int64": wide_indices,
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
likelihoods = ["poisson", "gaussian", "categorical"]


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module", params=likelihoods)
def dense(make_estimator, request):
    return make_estimator(likelihood=request.param).fit(COUNTS, Y)


@one_estimator
@forms
def test_fits_to_sparse_rows_are_those_to_dense_ones(make_estimator, dense, form):
    X = form(COUNTS)
    before = [part.copy() for part in (X.data, X.indices, X.indptr)]
    estimator = make_estimator(likelihood=dense.likelihood).fit(X, Y)
    for method in ("predict_proba", "transform", "score_samples"):
        assert_close(getattr(estimator, method)(X), getattr(dense, method)(COUNTS))
    for part, was in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(part, was)


@one_estimator
@forms
@pytest.mark.parametrize("n_rows", [1, 4])
def test_rows_may_be_empty(dense, form, n_rows):
    zeros = EMPTY[:n_rows]
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        found = getattr(dense, method)(form(zeros))
        np.testing.assert_array_equal(found, getattr(dense, method)(zeros))
    assert dense.score(form(zeros)) == dense.score(zeros)
    np.testing.assert_array_equal(
        dense.intervene(form(zeros), {"property_0": 1}),
        dense.intervene(zeros, {"property_0": 1}),
    )


@pytest.mark.parametrize("likelihood", ["auto", "bernoulli", *likelihoods])
def test_all_rows_of_a_fit_may_be_empty(make_estimator, likelihood):
    X, y = np.zeros((20, 6), dtype=np.float32), np.tile([0, 1, -1, -1], 5)
    models = [
        make_estimator(likelihood=likelihood).fit(rows, y)
        for rows in (X, scipy.sparse.csr_array(X))
    ]
    assert_close(*(model.score_samples(X) for model in models))
    assert_close(*(model.predict_proba(X) for model in models))


# Rows that stay on disk ---------------------------------------------------------------


@pytest.fixture
def on_disk(tmp_path):
    """Return a function that gives a read-only map of an array in a file."""

    def write(X):
        np.save(tmp_path / "X.npy", X)
        return np.load(tmp_path / "X.npy", mmap_mode="r")

    return write


ON_DISK = {
    "float32": lambda X: X,
    "float64": lambda X: X.astype(np.float64) / 3 + 1e6,  # far from zero
    "uint8": lambda X: np.round(20 * X + 100).astype(np.uint8),
    "int16": lambda X: np.round(20 * X).astype(np.int16),
    "float16": lambda X: X.astype(np.float16),
    "fortran": np.asfortranarray,
    "gaps": lambda X: np.where(np.arange(X.size).reshape(X.shape) % 7, X, np.nan),
}


@one_estimator
@pytest.mark.parametrize("kind", ON_DISK)
def test_maps_give_what_arrays_give(make_estimator, partial_blobs, on_disk, kind):
    X, y = partial_blobs
    X = ON_DISK[kind](X)
    settings = {"likelihood": "gaussian", "calibrate": True, "max_epochs": 1}
    if kind == "gaps":
        settings["likelihood"] = {0: "gaussian", 3: "gaussian"}
    of_both = [make_estimator(**settings).fit(rows, y) for rows in (X, on_disk(X))]
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        expected, found = (
            getattr(model, method)(rows)
            for model, rows in zip(of_both, (X, on_disk(X)), strict=True)
        )
        np.testing.assert_array_equal(found, expected, strict=True)


@one_estimator
@pytest.mark.parametrize("likelihood", [Bernoulli, ContinuousBernoulli])
def test_pixels_are_scaled_on_the_way(
    make_estimator, partial_blobs, on_disk, likelihood
):
    X, y = partial_blobs
    pixels = (255 * (X - X.min()) / np.ptp(X)).round().astype(np.uint8)
    whole = pixels.astype(np.float32) / np.float32(255)
    settings = {"neighbours": None, "adversarial": None}
    scaled = make_estimator(likelihood=likelihood(scale=255), **settings)
    scaled.fit(on_disk(pixels), y)
    expected = make_estimator(likelihood=likelihood(), **settings).fit(whole, y)
    np.testing.assert_allclose(
        scaled.predict_proba(on_disk(pixels)), expected.predict_proba(whole), rtol=1e-5
    )
    np.testing.assert_allclose(
        scaled.reconstruct(pixels), 255 * expected.reconstruct(whole), rtol=1e-5
    )
    volume = X.shape[1] * np.log(255) if likelihood is ContinuousBernoulli else 0
    np.testing.assert_allclose(
        scaled.score_samples(pixels), expected.score_samples(whole) - volume, rtol=1e-5
    )


@one_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_no_method_copies_large_rows(make_estimator, on_disk, monkeypatch, dtype):
    monkeypatch.setattr(large, "MOST_COPIED", 10**6)
    monkeypatch.setattr(subsample, "MOST_COPIED", 10**6)
    monkeypatch.setattr(subsample, "LEAST_ROWS", 500)
    monkeypatch.setattr(subsample, "MOST_VALUES", 50_000)
    monkeypatch.setattr(large, "BLOCK_SIZE", 2**16)
    monkeypatch.setattr(net, "SUBSAMPLE", 500)
    monkeypatch.setattr(judging, "COMPARED_ROWS", 200)
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (20_000, 400)).astype(dtype)  # 32 MB of floats
    y = np.where(np.arange(len(X)) < 40, np.arange(len(X)) % 2, -1)
    model = make_estimator(
        max_epochs=1,
        batch_size=500,
        calibrate=True,
        likelihood="gaussian" if dtype == np.float32 else Bernoulli(scale=255),
    )
    mapped, of_floats = on_disk(X), 4 * X.size
    del X
    for method, arguments in {
        "fit": (mapped, y),
        "predict": (mapped,),
        "transform": (mapped,),
    }.items():
        tracemalloc.start()
        getattr(model, method)(*arguments)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < of_floats / 4, method


FILES = 4  # of Parquet, each of a quarter of the rows


@pytest.fixture(scope="module")
def table():
    """Return a frame of all kinds of columns, with gaps and with rare values."""
    rng, n = np.random.default_rng(0), 120
    frame = pd.DataFrame(
        {
            "length": rng.normal(size=n).astype(np.float32),
            "visits": rng.poisson(2, n),
            "city": rng.choice(["Lyon", "Nice"], n).astype(object),
            "size": pd.Categorical(rng.choice(["s", "m"], n), ["s", "m", "l"]),
            "day": pd.Timestamp("2024-05-01") + pd.to_timedelta(np.arange(n), "D"),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n)),
            "kind": np.where(np.arange(n) < 60, np.arange(n) % 2, -1),
        }
    )
    frame.loc[n - 1, ["city", "size"]] = ["Paris", "l"]
    frame.loc[3, "city"] = None
    return frame


@pytest.fixture
def folder(table, tmp_path):
    """Return a folder with a part of the rows in each file."""
    for number, rows in enumerate(np.array_split(np.arange(len(table)), FILES)):
        table.iloc[rows].to_parquet(tmp_path / f"{number}.parquet")
    return tmp_path


@one_estimator
@pytest.mark.parametrize("on_disk", [False, True])
def test_files_give_what_their_frame_gives(
    make_estimator, table, folder, monkeypatch, on_disk
):
    if on_disk:
        monkeypatch.setattr(large, "BLOCK_SIZE", 64)
        monkeypatch.setattr("skfmvae.columns.dataset.BATCH_SIZE", 64)
    X, y = open_parquet(folder, target="kind")
    frame = table.drop(columns="kind")
    found = make_estimator(max_epochs=1).fit(X, y)
    expected = make_estimator(max_epochs=1).fit(frame, table["kind"])
    assert found.property_names_ == ["kind"]
    for method in ("predict_proba", "transform", "score_samples"):
        np.testing.assert_array_equal(
            getattr(found, method)(X), getattr(expected, method)(frame), strict=True
        )
    assert found.score(X, y) == expected.score(frame, table["kind"])
    rebuilt = found.reconstruct(X)  # a table of PyArrow
    assert rebuilt.schema.types == X.schema.types
    assert rebuilt["city"].to_pylist() == expected.reconstruct(frame)["city"].tolist()
    with pytest.raises(ValueError, match="feature names"):
        found.predict(open_parquet(folder, target="city")[0])
