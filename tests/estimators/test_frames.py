"""Frames of any library go in, and frames of the same columns come back."""

import pickle
import string
import warnings

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfmvae import SemiSupervisedVAE
from skfmvae.nn import MLP, Columns

N = 90
CITIES = ["Lyon", "Nice", "Paris"]
SIZES = ["small", "medium", "large"]


def make_frame(n=N, seed=0):
    """Return a frame with a column of every kind and the class that all speak of."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    frame = pd.DataFrame(
        {
            "height": rng.normal(20 * y - 10, 5),  # from the middle
            "price": np.exp(rng.normal(2 + 2 * y, 0.5)),
            "visits": rng.poisson(2 + 6 * y),
            "age": rng.integers(30, 60, n),
            "member": (rng.random(n) < 0.2 + 0.6 * y),
            "flag": rng.integers(0, 2, n),
            "city": rng.choice(CITIES, n),
            "size": pd.Categorical(
                np.array(SIZES)[np.clip(rng.integers(0, 2, n) + y, 0, 2)],
                categories=SIZES,
                ordered=True,
            ),
            "day": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
        }
    )
    return frame, y


def spoil(frame, share=0.15, seed=1):
    """Return the frame with entries missing, in dtypes that can miss them."""
    rng = np.random.default_rng(seed)
    frame = frame.astype({"visits": "Int64", "age": "Int64", "flag": "Int8"})
    frame = frame.astype({"member": "boolean"})
    for name in frame.columns:
        frame.loc[rng.random(len(frame)) < share, name] = None
    return frame


def pandas_with_arrow(frame):
    """Return a frame of pandas in dtypes of PyArrow, but for categories."""
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    arrow = arrow.to_pandas(types_mapper=pd.ArrowDtype)
    kept = frame.select_dtypes("category")
    return arrow.assign(**{name: kept[name] for name in kept})


LIBRARIES = {
    "pandas": lambda frame: frame,
    "pandas_arrow": lambda frame: pandas_with_arrow(frame),
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def convert(request):
    return LIBRARIES[request.param]


@pytest.fixture(scope="module")
def partly():
    """Return a frame with gaps and a partly known class of strings."""
    frame, y = make_frame()
    words = np.array(["low", "high"], dtype=object)[y]
    words[np.arange(N) % 3 > 0] = None
    return spoil(frame), pd.Series(words, name="class")


@pytest.fixture(scope="module")
def fitted_to_frame(make_estimator, convert, partly):
    frame, y = partly
    frame = convert(frame)
    return frame, make_estimator(max_epochs=2).fit(frame, y)


def schema(frame):
    native = nw.from_native(frame)
    if isinstance(frame, pd.DataFrame):
        return list(frame.columns), list(frame.dtypes)
    return native.columns, [str(t) for t in native.to_native().schema]


def assert_alike(found, frame, n_rows=None):
    """Check that a frame has the columns, dtypes and rows of another."""
    assert type(found) is type(frame)
    assert schema(found) == schema(frame)
    assert nw.from_native(found).shape[0] == (n_rows or N)


def as_objects(frame):
    """Return the entries of a frame, None where one is missing."""
    frame = nw.from_native(frame)
    columns = [pd.Series(frame[name].to_list(), dtype=object) for name in frame.columns]
    columns = [column.where(~column.isna(), None).to_numpy() for column in columns]
    return np.column_stack(columns)


# There and back -----------------------------------------------------------------------


def test_the_likelihood_follows_the_kinds_of_columns(fitted_to_frame):
    _, model = fitted_to_frame
    assert type(model.likelihood_) is Columns
    words = {
        name: type(of).__name__ for name, of in model.likelihood_.by_column.items()
    }
    assert words["price"] == "LogNormal"
    assert words["visits"] == "NegativeBinomial"
    assert words["member"] == words["flag"] == "Bernoulli"
    assert words["city"] == "Categorical"
    assert words["height"] == words["day"] == "Gaussian"


def test_results_are_numbers_row_by_row(fitted_to_frame):
    frame, model = fitted_to_frame
    proba = model.predict_proba(frame)
    assert proba.shape == (N, 2)
    assert set(model.predict(frame)) <= {"low", "high"}
    assert np.isfinite(model.transform(frame)).all()
    assert np.isfinite(model.score_samples(frame)).all()


def test_generated_rows_are_frames(fitted_to_frame):
    frame, model = fitted_to_frame
    assert_alike(model.reconstruct(frame), frame)
    assert_alike(model.inverse_transform(model.transform(frame)), frame)
    assert_alike(model.intervene(frame, {"class": "high"}), frame)
    drawn, y = model.sample(30, {"class": "low"}, random_state=0)
    assert_alike(drawn, frame, 30)
    assert set(y) == {"low"}
    for generated in (model.reconstruct(frame), drawn):
        entries = as_objects(generated)
        assert all(entry is not None for entry in entries.ravel())
        assert set(entries[:, 6]) <= set(CITIES)
        assert set(entries[:, 7]) <= set(SIZES)
        assert (entries[:, 2] >= 0).all()
        assert set(entries[:, 5]) <= {0, 1}


def test_imputed_frames_keep_what_is_observed(fitted_to_frame):
    frame, model = fitted_to_frame
    before = as_objects(frame)
    known = np.array([[entry is not None for entry in row] for row in before])
    several = model.impute(frame, n_draws=2, random_state=0)
    assert isinstance(several, list)
    assert len(several) == 2
    for filled in (model.impute(frame), *several):
        assert_alike(filled, frame)
        entries = as_objects(filled)
        assert all(entry is not None for entry in entries.ravel())
        np.testing.assert_array_equal(entries[known], before[known])
        assert set(entries[:, 6]) <= set(CITIES)
        assert set(entries[:, 7]) <= set(SIZES)
        assert (entries[:, 2] >= 0).all()
        assert all(type(value) is bool for value in entries[:, 4])
    np.testing.assert_array_equal(as_objects(frame), before)


def test_filled_values_are_near_the_true_ones(make_learner):
    """Heights of the two classes are 20 apart: the means of columns err by 10."""
    complete, y = make_frame(300)
    frame = spoil(complete)
    model = make_learner(max_epochs=40).fit(frame, np.where(np.arange(300) < 60, y, -1))
    hidden = frame["height"].isna()
    filled = model.impute(frame)
    error = (filled["height"] - complete["height"])[hidden]
    assert np.sqrt((error**2).mean()) < 9
    assert model.score(frame, y) > 0.85


def test_other_columns_than_at_fit_are_refused(fitted_to_frame):
    frame, model = fitted_to_frame
    names = nw.from_native(frame).columns
    other = nw.from_native(frame).select(names[::-1]).to_native()
    for method in (model.predict, model.impute, model.transform):
        with pytest.raises(ValueError, match="feature names should match"):
            method(other)


def test_categories_that_fit_did_not_see_are_missing(fitted_to_frame):
    frame, model = fitted_to_frame
    entries = nw.from_native(frame)
    nothing = entries.with_columns(city=nw.lit(None, dtype=entries.schema["city"]))
    elsewhere = entries.with_columns(city=nw.lit("Rome"))
    with pytest.warns(UserWarning, match="'city' \\(90: 'Rome'\\)"):
        found = model.predict_proba(elsewhere.to_native())
    np.testing.assert_array_equal(found, model.predict_proba(nothing.to_native()))
    with pytest.warns(UserWarning, match="Rome"):
        filled = model.impute(elsewhere.to_native())
    assert set(as_objects(filled)[:, 6]) <= set(CITIES)


def test_categories_of_arrow_in_pandas_are_refused_with_advice(make_estimator, partly):
    frame, y = partly
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    arrow = arrow.to_pandas(types_mapper=pd.ArrowDtype)
    with pytest.raises(TypeError, match="'size' is a dictionary .*pandas.Categ"):
        make_estimator().fit(arrow, y)
    make_estimator(max_epochs=1).fit(arrow.assign(size=frame["size"]), y)


# Numbers only -------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frame_of_numbers_gives_the_model_of_its_array(
    make_estimator, partial_blobs, library
):
    X, y = partial_blobs
    frame = LIBRARIES[library](pd.DataFrame(X, columns=list("abcd")))
    of_array = make_estimator(likelihood="gaussian").fit(X, y)
    of_frame = make_estimator(likelihood="gaussian").fit(frame, y)
    for method in ("predict_proba", "transform", "score_samples"):
        np.testing.assert_array_equal(
            getattr(of_frame, method)(frame), getattr(of_array, method)(X)
        )
    found = nw.from_native(of_frame.reconstruct(frame)).to_numpy()
    np.testing.assert_array_equal(found, of_array.reconstruct(X))


# With scikit-learn --------------------------------------------------------------------


def small(**params):
    return SemiSupervisedVAE(
        encoder=MLP(hidden=(16,)),
        decoder=MLP(hidden=(16,)),
        max_epochs=2,
        calibrate=False,
        random_state=0,
        **params,
    )


@pytest.fixture(scope="module")
def table():
    frame, y = make_frame()
    return spoil(frame), y


def test_cross_validation_of_frames(table):
    scores = cross_val_score(small(), *table, cv=3, error_score="raise")
    assert (scores > 0.4).all()


def test_search_over_likelihoods_of_columns(table):
    grid = {"likelihood": ["auto", {"visits": "poisson"}, {"price": "gaussian"}]}
    search = GridSearchCV(small(), grid, cv=2, error_score="raise").fit(*table)
    assert len(search.cv_results_["params"]) == 3
    assert search.best_estimator_.predict(table[0]).shape == (N,)


def test_pipelines_before_and_behind(table):
    frame, y = table
    scale = make_column_transformer(
        (StandardScaler(), ["height"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(scale, small()).fit(frame, y)
    assert set(model.predict(frame)) <= {0, 1}
    selected = make_column_transformer(
        ("passthrough", make_column_selector(dtype_include=["category", "float64"])),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    behind = make_pipeline(selected, small(), FunctionTransformer())
    assert behind.fit(frame, y).transform(frame).shape[0] == N


def test_representations_come_as_frames_where_asked(table):
    frame, y = table
    model = small().set_output(transform="pandas").fit(frame, y)
    found = model.transform(frame)
    assert list(found.columns) == list(model.get_feature_names_out())
    assert found.index.equals(frame.index)
    polars = clone(model).set_output(transform="polars").fit(frame, y)
    assert isinstance(polars.transform(frame), pl.DataFrame)
    # And may come back as such.
    assert_alike(model.inverse_transform(found), frame)
    assert_alike(model.reconstruct(frame), frame)
    assert_alike(model.sample(N, random_state=0)[0], frame)


def test_models_of_frames_are_pickled(fitted_to_frame):
    frame, model = fitted_to_frame
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        loaded.predict_proba(frame), model.predict_proba(frame)
    )
    assert_alike(loaded.impute(frame), frame)
    np.testing.assert_array_equal(
        as_objects(loaded.impute(frame)), as_objects(model.impute(frame))
    )


def test_settings_by_column_are_kept_by_clone(table):
    spec = {"visits": "poisson", "city": "categorical"}
    model = clone(small(likelihood=spec, categorical_features=["city", "size"]))
    assert model.likelihood == spec
    model.set_params(categorical_features="from_dtype").fit(*table)
    assert type(model.likelihood_.by_column["visits"]).__name__ == "Poisson"


def test_the_index_of_a_frame_is_kept_or_new(table):
    """As in scikit-learn, where a frame comes back in the order of its rows."""
    frame, y = table
    shuffled = frame.sample(frac=1, random_state=0)
    model = small().fit(frame, y)
    np.testing.assert_array_equal(
        as_objects(model.impute(shuffled)),
        as_objects(model.impute(frame))[shuffled.index],
    )


# Any frame ----------------------------------------------------------------------------

NAMES = st.text(string.ascii_letters + " _é", min_size=1, max_size=6)
MISSING = st.sampled_from([0.0, 0.2, 0.6, 1.0])


@st.composite
def columns(draw, n):
    """Draw a column of one of the kinds and dtypes that a frame may have."""
    kind = draw(
        st.sampled_from(
            [
                *("float64", "float32", "positive", "tiny", "huge", "constant"),
                *("int64", "uint8", "count", "Int16", "binary", "bool", "boolean"),
                *("text", "string", "category", "ordered", "codes", "date", "span"),
                *("nothing", "numbers_as_objects"),
            ]
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = rng.random(n) < draw(MISSING)
    normal, whole = rng.normal(size=n), rng.integers(0, 4, n)
    words = np.array(["a", "b", "c d", "é"], dtype=object)[whole]
    values = {
        "float64": lambda: normal * 10.0 ** rng.integers(-3, 4),
        "float32": lambda: normal.astype(np.float32),
        "positive": lambda: np.exp(3 * normal),
        "tiny": lambda: normal * 1e-20,
        "huge": lambda: normal * 1e15 + 1e17,
        "constant": lambda: np.full(n, 3.5),
        "int64": lambda: rng.integers(-1000, 1000, n),
        "uint8": lambda: rng.integers(0, 256, n).astype(np.uint8),
        "count": lambda: rng.negative_binomial(1, 0.1, n),
        "Int16": lambda: pd.array(whole, dtype="Int16"),
        "binary": lambda: whole % 2,
        "bool": lambda: whole > 1,
        "boolean": lambda: pd.array(whole > 1, dtype="boolean"),
        "text": lambda: words,
        "string": lambda: pd.array(words, dtype="string"),
        "category": lambda: pd.Categorical(words),
        "ordered": lambda: pd.Categorical(
            words, categories=["é", "a", "b", "c d"], ordered=True
        ),
        "codes": lambda: pd.Categorical(whole),
        "date": lambda: pd.Timestamp("2021-03-01") + pd.to_timedelta(whole, unit="h"),
        "span": lambda: pd.to_timedelta(whole, unit="D"),
        "nothing": lambda: np.full(n, None, dtype=object),
        "numbers_as_objects": lambda: normal.astype(object),
    }[kind]()
    column = pd.Series(values)
    if kind in {"int64", "uint8", "count", "binary", "bool"}:
        return column  # whose dtypes have no missing entry
    column[missing] = None
    return column


@st.composite
def tables(draw):
    n = draw(st.integers(12, 40))
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    frame = pd.DataFrame({name: draw(columns(n)) for name in names})
    y = np.where(np.arange(n) % 3 < 2, np.arange(n) % 2, -1)
    library = draw(st.sampled_from(["pandas", "polars", "pyarrow"]))
    return frame, y, library


def assert_valid(found, frame):
    """Check that a frame holds entries that the columns can have, and no gap but in
    columns of nothing."""
    assert_alike(found, frame, nw.from_native(found).shape[0])
    before, after = as_objects(frame), as_objects(found)
    for seen, column in zip(before.T, after.T, strict=True):
        seen = [entry for entry in seen if entry is not None]
        if not seen:
            continue
        assert all(entry is not None for entry in column)
        assert all(isinstance(e, type(seen[0])) for e in column)
        if isinstance(seen[0], str | bool):
            assert set(column) <= set(seen) | set("abé") | {"c d", True, False}


def go_through(table):
    frame, y, library = table
    frame = LIBRARIES[library](frame)
    model = SemiSupervisedVAE(
        encoder=MLP(hidden=(4,)),
        decoder=MLP(hidden=(4,)),
        max_epochs=1,
        neighbours=None,
        adversarial=None,
        calibrate=False,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Models compute in float32", UserWarning)
        model.fit(frame, y)
    assert np.isfinite(model.predict_proba(frame)).all()
    assert np.isfinite(model.transform(frame)).all()
    assert not np.isnan(model.score_samples(frame, n_draws=2)).any()
    before = as_objects(frame)
    for filled in (
        model.impute(frame),
        *model.impute(frame, n_draws=1, random_state=0),
    ):
        assert_valid(filled, frame)
        known = np.array([[e is not None for e in row] for row in before])
        np.testing.assert_array_equal(as_objects(filled)[known], before[known])
    assert_valid(model.sample(5, random_state=0)[0], frame)
    assert_valid(model.reconstruct(frame), frame)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(tables())
def test_frames_of_every_kind_come_back_valid(table):
    go_through(table)
