"""Quantities leave `y` as scikit-learn would standardise them, and come back."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skfmvae.targets import PartialLabelEncoder, QuantityEncoder

NAN, NA = float("nan"), pd.NA
LIGHT = {"light": ["u", "v"]}
NAMES = ["digit", "u", "v", "hand", "size"]
COLUMNS = {"light": ["u", "v"], "size": ["size"]}


@pytest.fixture
def frame():
    """Return labels and quantities side by side, some of them missing."""
    return pd.DataFrame(
        {
            "digit": [3, 5, -1, 3],
            "u": [0.5, NAN, -1.0, 2.0],
            "v": [10.0, NAN, 30.0, -1.0],
            "hand": ["left", None, "right", "left"],
            "size": [NAN, 4.0, 8.0, -1.0],
        }
    )


def objects(*values):
    return pd.Series(values, dtype=object).to_numpy()


# Containers ---------------------------------------------------------------------------

# One quantity, the second value of which is missing: 4, -1, 6.
CONTAINERS = {
    "list and None": [4, None, -1, 6],
    "list and NaN": [4.0, NAN, -1, 6],
    "list and NA": [4, NA, -1, 6],
    "tuple": (4, None, -1, 6),
    "list of columns": [[4], [None], [-1], [6]],
    "array": np.array([4, NAN, -1, 6]),
    "float32 array": np.float32([4, NAN, -1, 6]),
    "column": np.array([[4], [NAN], [-1], [6]]),
    "object array": objects(4, None, np.float32(-1), 6.0),
    "series": pd.Series([4, NAN, -1, 6], name="size"),
    "masked array": np.ma.array([4, 5, -1, 6], mask=[0, 1, 0, 0]),
    "masked floats": np.ma.array([4.0, 5, -1, 6], mask=[0, 1, 0, 0]),
    "masked column": np.ma.array([[4], [-1], [-1], [6]], mask=[[0], [1], [0], [0]]),
    "list of a masked array": list(np.ma.array([4, 5, -1, 6], mask=[0, 1, 0, 0])),
    "series without a name": pd.Series([4, NAN, -1, 6]),
    "Int64 series": pd.Series([4, NA, -1, 6], dtype="Int64"),
    "Float64 series": pd.Series([4, NA, -1, 6], dtype="Float64"),
    "object series": pd.Series(objects(4, NA, -1, 6)),
    "frame": pd.DataFrame({"size": [4, NAN, -1, 6]}),
    "polars series": pl.Series("size", [4, None, -1, 6]),
    "polars frame": pl.DataFrame({"size": [4.0, None, -1.0, 6.0]}),
}


@pytest.mark.parametrize("y", CONTAINERS.values(), ids=CONTAINERS)
def test_containers_of_one_quantity(y):
    encoder = QuantityEncoder({"size": ["size"]}, ["size"]).fit(y)
    known = np.array([4.0, -1.0, 6.0])
    assert_allclose(encoder.mean, [3.0])
    assert_allclose(encoder.scale, [known.std()])
    quantities = encoder.transform(y, 4)
    assert quantities.dtype == np.float32
    assert quantities.shape == (4, 1)
    assert np.isnan(quantities[1, 0])
    assert_allclose(quantities[[0, 2, 3], 0], (known - 3) / known.std(), rtol=1e-6)


@pytest.mark.parametrize(
    "container",
    [
        lambda frame: frame,
        lambda frame: frame.to_numpy(),
        lambda frame: frame.to_numpy().tolist(),
        lambda frame: frame[["size", "hand", "v", "digit", "u"]],
        lambda frame: pl.DataFrame(
            {v: [None if e != e else e for e in frame[v]] for v in frame}
        ),
        lambda frame: frame.convert_dtypes(),
        lambda frame: np.ma.array(
            frame.where(frame.notna(), -1).to_numpy(), mask=frame.isna().to_numpy()
        ),
    ],
    ids=["pandas", "array", "list", "shuffled", "polars", "nullable", "masked"],
)
def test_containers_of_labels_and_quantities(frame, container):
    y = container(frame)
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(y)
    assert encoder.blocks == {"light": slice(0, 2), "size": slice(2, 3)}
    quantities = frame[["u", "v", "size"]].to_numpy()
    expected = StandardScaler().fit_transform(quantities)  # passes over NaN
    assert_allclose(encoder.transform(y, 4), expected, rtol=1e-6)
    # the discrete columns are left, for their encoder
    labels = PartialLabelEncoder().fit(encoder.rest(y))
    assert sorted(labels.property_names) == ["digit", "hand"]
    codes = labels.transform(encoder.rest(y))
    by_name = dict(zip(labels.property_names, codes.T.tolist(), strict=True))
    assert by_name == {"digit": [0, 1, -1, 0], "hand": [0, -1, 1, 0]}


# Scales -------------------------------------------------------------------------------


def test_known_rows_are_standardised():
    rng = np.random.default_rng(0)
    y = rng.normal([3, -200], [0.1, 50], size=(100, 2))
    known = rng.random(100) < 0.3
    y[~known] = NAN
    encoder = QuantityEncoder(LIGHT, ["u", "v"]).fit(y)
    quantities = encoder.transform(y, 100)
    scaler = StandardScaler().fit(y[known])
    assert_allclose(encoder.mean, y[known].mean(axis=0))
    assert_allclose(encoder.scale, y[known].std(axis=0))
    assert_allclose(quantities[known], scaler.transform(y[known]), rtol=1e-5, atol=1e-6)
    assert np.isnan(quantities[~known]).all()
    new = rng.normal(size=(7, 2))
    assert_allclose(encoder.transform(new, 7), scaler.transform(new), rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, -1.0, 1e6 / 3, 1e-9])
@pytest.mark.parametrize("n", [1, 3, 10])
def test_constant_columns_keep_their_unit(value, n):
    encoder = QuantityEncoder({"a": ["a"]}, ["a"]).fit(np.full(n, value))
    assert encoder.scale == [1.0]
    assert_allclose(encoder.transform([value, value + 2], 2)[:, 0], [0, 2], atol=1e-6)


def test_columns_without_a_value():
    encoder = QuantityEncoder(LIGHT, ["u", "v"])
    for y in (None, [[None, None]] * 3, np.full((3, 2), NAN)):
        assert encoder.fit(y) is encoder
        assert_array_equal(encoder.mean, [0, 0])
        assert_array_equal(encoder.scale, [1, 1])
        assert encoder.transform(y, 3).shape == (3, 2)
        assert np.isnan(encoder.transform(y, 3)).all()


def test_without_quantities():
    encoder = QuantityEncoder({}).fit([3, 4, -1])
    assert encoder.n_quantities == 0
    assert encoder.transform([3, 4, -1], 3).shape == (3, 0)
    assert encoder.rest([3, 4, -1]) == [3, 4, -1]
    labels = np.array([3, 4])
    assert encoder.join(labels, np.empty((2, 0))) is labels


def test_names_are_those_of_the_properties_unless_there_are_others():
    y = np.array([[1.0, 2.0], [3.0, 6.0]])
    encoder = QuantityEncoder(LIGHT).fit(y)
    assert_array_equal(encoder.mean, [2, 4])
    assert encoder.rest(y) is None


# There and back -----------------------------------------------------------------------


def test_inverse_gives_back_what_is_known(frame):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(frame)
    values = encoder.inverse(encoder.transform(frame, 4))
    assert values.dtype == np.float64
    assert_allclose(values, frame[["u", "v", "size"]], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "order",
    [
        NAMES,
        ["size", "hand", "v", "digit", "u"],
        ["v", "u", "hand"],
        ["digit", "size"],
        ["u", "v"],
        ["size"],
        ["hand", "digit"],
    ],
    ids=" ".join,
)
def test_join_keeps_the_order_of_the_columns(frame, order):
    y = frame.iloc[[0, 3]][order].assign(**({"size": 7.0} if "size" in order else {}))
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(y)
    rest, labels = encoder.rest(y), None
    if rest is not None:
        encoded = PartialLabelEncoder().fit(rest)
        labels = encoded.inverse(encoded.transform(rest))
    joined = encoder.join(labels, encoder.transform(y, 2))
    assert joined.shape == ((2,) if len(order) == 1 else (2, len(order)))
    joined = joined.reshape(2, -1)
    assert (joined.dtype == object) == ("hand" in order)
    for j, name in enumerate(order):
        if name == "hand":
            assert joined[:, j].tolist() == y[name].tolist()
        else:
            assert_allclose(joined[:, j].astype(float), y[name], rtol=1e-6)


def test_join_without_targets_gives_the_quantities():
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(None)
    assert_array_equal(encoder.join(None, np.eye(3)), np.eye(3))


def test_what_is_left_without_quantities(frame):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(frame)
    names, columns, n_dims = encoder.rest(frame)
    assert (names, n_dims) == (["digit", "hand"], 2)
    assert columns[0].tolist() == [3, 5, -1, 3]
    names, columns, n_dims = encoder.rest(frame[["u", "v", "digit"]])
    assert (names, n_dims) == (["digit"], 1)  # of one column, no column vector
    assert encoder.rest(frame[["u", "v"]]) is None
    assert encoder.rest(None) is None


def test_an_array_has_the_columns_of_the_frame_at_fit(frame):
    order = ["size", "v", "u"]
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(frame[order])
    expected = encoder.transform(frame, 4)
    assert_array_equal(encoder.transform(frame[order].to_numpy(), 4), expected)


def test_fit_forgets_the_fit_before(frame):
    y = [[1, 0.5, 2.0, "a", 3.0], [0, 1.5, 4.0, "b", 5.0]]
    once = QuantityEncoder(COLUMNS, NAMES).fit(y)
    twice = QuantityEncoder(COLUMNS, NAMES).fit(frame[NAMES[::-1]]).fit(y)
    assert twice.order == once.order == NAMES
    assert_array_equal(twice.mean, once.mean)


# Chosen values ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, [[NAN] * 3] * 3),
        ({"digit": 3}, [[NAN] * 3] * 3),
        ({"size": 2}, [[NAN, NAN, 2]] * 3),
        ({"size": [2]}, [[NAN, NAN, 2]] * 3),
        ({"size": [-1, 2, 4]}, [[NAN, NAN, v] for v in (-1, 2, 4)]),
        ({"size": [[-1], [2], [4]]}, [[NAN, NAN, v] for v in (-1, 2, 4)]),
        ({"size": pd.Series([-1, 2, 4])}, [[NAN, NAN, v] for v in (-1, 2, 4)]),
        ({"light": (1, 2)}, [[1, 2, NAN]] * 3),
        ({"light": [[1, 2], [3, 4], [5, 6]]}, [[1, 2, NAN], [3, 4, NAN], [5, 6, NAN]]),
        ({"light": [1, 2], "size": [7, 8, 9]}, [[1, 2, v] for v in (7, 8, 9)]),
        # rows that choose nothing
        ({"size": [-1, NAN, 4]}, [[NAN, NAN, v] for v in (-1, NAN, 4)]),
        ({"size": [-1, None, 4]}, [[NAN, NAN, v] for v in (-1, NAN, 4)]),
        ({"size": [[-1], [NA], [4]]}, [[NAN, NAN, v] for v in (-1, NAN, 4)]),
        (
            {"size": np.ma.array([-1, 2, 4], mask=[0, 1, 0])},
            [[NAN, NAN, v] for v in (-1, NAN, 4)],
        ),
        (
            {"size": pd.Series([-1, NA, 4], dtype="Int64")},
            [[NAN, NAN, v] for v in (-1, NAN, 4)],
        ),
        (
            {"light": [[1, 2], [None, NAN], [5, 6]]},
            [[1, 2, NAN], [NAN, NAN, NAN], [5, 6, NAN]],
        ),
    ],
    ids=str,
)
def test_chosen_values(frame, properties, expected):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(frame)
    quantities = encoder.values_of(properties, 3)
    assert quantities.dtype == np.float32
    assert_allclose(encoder.inverse(quantities), expected, rtol=1e-5, atol=1e-5)


def test_a_vector_for_as_many_rows_as_it_is_long():
    encoder = QuantityEncoder(LIGHT).fit(None)
    assert_array_equal(encoder.values_of({"light": [1, 2]}, 2), [[1, 2], [1, 2]])


@pytest.mark.parametrize(
    ("properties", "shape"),
    [
        ({"light": 1.0}, "()"),
        ({"light": [1.0]}, "(1,)"),
        ({"light": [1, 2, 3]}, "(3,)"),
        ({"light": [[1, 2]] * 2}, "(2, 2)"),
        ({"light": [[1]] * 3}, "(3, 1)"),
        ({"size": [1, 2]}, "(2,)"),
        ({"size": [[1, 2, 3]]}, "(1, 3)"),
        ({"size": []}, "(0,)"),
    ],
    ids=str,
)
def test_chosen_values_of_another_shape(properties, shape):
    (name,) = properties
    message = re.escape(f"property {name!r} has values of shape {shape}; give shape (")
    with pytest.raises(ValueError, match=message):
        QuantityEncoder(COLUMNS, NAMES).fit(None).values_of(properties, 3)


@pytest.mark.parametrize("value", [NAN, None, np.inf, [1, 2, -np.inf], [NAN]])
def test_chosen_values_that_are_not_finite(value):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(None)
    with pytest.raises(ValueError, match="'size' is asked to be NaN or infinite; give"):
        encoder.values_of({"size": value}, 3)


@pytest.mark.parametrize(
    "value", [[NAN, NAN], [1, NAN], [[1, 2], [NAN, 2], [1, 2]], [[1, None]] * 3]
)
def test_chosen_parts_of_a_vector(value):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(None)
    with pytest.raises(ValueError, match="'light' is asked to be NaN .* all of a row"):
        encoder.values_of({"light": value}, 3)


@pytest.mark.parametrize("value", ["large", NA, ["a", "b", "c"], {"size": 3}, [[1], 2]])
def test_chosen_values_that_are_no_numbers(value):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(None)
    with pytest.raises(ValueError, match="'size' is continuous .* give numbers"):
        encoder.values_of({"size": value}, 3)


# Errors -------------------------------------------------------------------------------


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinite_values(infinity):
    encoder = QuantityEncoder({"size": ["size"]}).fit([1.0, 2.0])
    for act in (encoder.fit, lambda y: encoder.transform(y, 3)):
        with pytest.raises(ValueError, match="'size' of y holds infinity in row 2"):
            act([1.0, NAN, infinity])


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b"],
        objects(1.0, "b"),
        objects(1.0, {}),
        objects(1.0, (1, 2)),
        objects(1.0, np.ones(2)),
        np.array([1j, 2j]),
        np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]"),
        np.array([1, 2], dtype="m8[s]"),
        pd.Series(pd.to_datetime(["2020-01-01", None])),
        pl.Series(["a", None]),
    ],
    ids=str,
)
def test_what_is_no_number(y):
    with pytest.raises(
        ValueError, match="'size' of y is a Continuous variable .* make it numbers"
    ):
        QuantityEncoder({"size": ["size"]}).fit(y)


@pytest.mark.parametrize("missing", [NAN, None, NA])
def test_a_vector_that_is_known_in_part(missing):
    y = [[1, 2], [missing, missing], [3, missing], [missing, 1]]
    message = re.escape("'light' of y is known in part in row 2; give all of its")
    with pytest.raises(ValueError, match=message):
        QuantityEncoder(LIGHT).fit(y)
    encoder = QuantityEncoder(LIGHT).fit(y[:2])
    with pytest.raises(ValueError, match=message):
        encoder.transform(y, 4)


def test_a_frame_with_a_part_of_a_vector(frame):
    with pytest.raises(ValueError, match=r"'light' .* in part in row 0.*\['u', 'v'\]"):
        QuantityEncoder(COLUMNS, NAMES).fit(frame[["digit", "u"]])


@pytest.mark.parametrize("n_columns", [1, 4, 6])
def test_another_number_of_columns(n_columns):
    message = re.escape(f"y has {n_columns} columns; expected are {NAMES}, the columns")
    with pytest.raises(ValueError, match=message):
        QuantityEncoder(COLUMNS, NAMES).fit(np.zeros((3, n_columns)))


def test_another_number_of_columns_than_at_fit(frame):
    encoder = QuantityEncoder(COLUMNS, NAMES).fit(frame[["size", "digit"]])
    with pytest.raises(
        ValueError, match=r"3 columns; expected are \['size', 'digit'\]"
    ):
        encoder.transform(np.zeros((3, 3)), 3)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([4, NAN], name="height"),
        pl.Series("height", [4, None]),
        pd.DataFrame({"height": [4, NAN]}),
        pd.Series([4, NAN], name=3),
    ],
    ids=["pandas", "polars", "frame", "number"],
)
@pytest.mark.parametrize("columns", [{"size": ["size"]}, {}], ids=["quantity", "label"])
def test_a_column_of_another_name_is_not_the_only_property(y, columns):
    name = str(y.columns[0] if hasattr(y, "columns") else y.name)
    encoder = QuantityEncoder(columns, ["size"])
    message = (
        rf"columns \['{name}'\]; expected are \['size'\].* rename .* without names"
    )
    with pytest.raises(ValueError, match=message):
        encoder.fit(y)
    with pytest.raises(ValueError, match=message):
        encoder.fit([4, 5]).rest(y)


@pytest.mark.parametrize("label", [2**53 + 1, -(2**62) - 1])
def test_join_keeps_large_labels_exact(label):
    y = pd.DataFrame({"id": [label, label - 1], "size": [0.5, 1.5]})
    encoder = QuantityEncoder({"size": ["size"]}, ["id", "size"]).fit(y)
    joined = encoder.join(y["id"].to_numpy(), encoder.transform(y, 2))
    assert joined[:, 0].tolist() == [label, label - 1]


def test_unknown_columns(frame):
    with pytest.raises(ValueError, match=r"'weight'\]; expected are .*Add .*or drop"):
        QuantityEncoder(COLUMNS, NAMES).fit(frame.assign(weight=1.0))


def test_values_too_large_for_single_precision_are_refused():
    encoder = QuantityEncoder({"size": ["size"]})
    with pytest.raises(
        ValueError, match="'size' of y holds 1e.300, too large, in row 1"
    ):
        encoder.fit([0.0, 1e300])
    with pytest.raises(ValueError, match="'size' of y holds infinity in row 0"):
        encoder.fit([np.inf, 1.0])
    encoder.fit([0.0, 2.0])
    with pytest.raises(
        ValueError, match="'size' is asked to be 1e.300, more than 1e.06"
    ):
        encoder.values_of({"size": 1e300}, 2)
    assert encoder.values_of({"size": 3.0}, 2).tolist() == [[2.0], [2.0]]
