"""Names of likelihoods and their settings."""

import numpy as np
import pytest
import torch

from skfmvae.columns import Column
from skfmvae.nn import (
    LIKELIHOODS,
    Bernoulli,
    Categorical,
    CensoredGaussian,
    Columns,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    resolve_likelihood,
)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bernoulli", Bernoulli),
        ("censored_gaussian", CensoredGaussian),
        ("gaussian", Gaussian),
        ("log_normal", LogNormal),
        ("categorical", Categorical),
        ("ordinal", Ordinal),
        ("poisson", Poisson),
        ("negative_binomial", NegativeBinomial),
    ],
)
def test_names_stand_for_the_defaults(name, settings):
    found = resolve_likelihood(name, np.zeros((2, 2)))
    assert type(found) is settings
    assert found.get_params() == settings().get_params()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0, 1], [0.5, 0]], Bernoulli),
        ([[0, 1], [0.5, 0.2]], CensoredGaussian),
        ([[0.1, 0.9], [0.5, 0.2]], Gaussian),
        ([[0.1, np.nan], [np.nan, np.nan]], Gaussian),
        ([[0, 1], [0, 1.001]], Gaussian),
        ([[0, -0.001], [0, 1]], Gaussian),
        ([[0, 1], [np.nan, 1]], Bernoulli),
    ],
)
def test_auto_depends_on_the_range(values, expected, container):
    X = container(np.array(values, dtype=np.float32))
    assert type(resolve_likelihood("auto", X)) is expected


def test_settings_resolve_to_themselves():
    settings = Gaussian(learn_scale=False)
    assert resolve_likelihood(settings, np.zeros((2, 2))) is settings


@pytest.mark.parametrize("spec", ["normal", None, Gaussian, torch.nn.Linear(2, 2)])
def test_unknown_likelihoods_are_refused(spec):
    with pytest.raises(ValueError, match=r"likelihood=.*'auto', 'bernoulli'"):
        resolve_likelihood(spec, np.zeros((2, 2)))


# By column ----------------------------------------------------------------------------

COLOURS = np.array(["blue", "green", "red"], dtype=object)
COLUMNS = [
    Column("height", "real"),
    Column("price", "positive"),
    Column("visits", "count"),
    Column("open", "binary"),
    Column("colour", "categorical", COLOURS),
    Column("size", "ordinal", np.array(["s", "m", "l", "xl"], dtype=object)),
]
ROWS = np.array([[0.5, 1, 3, 0, 2, 3], [np.nan, 2, 0, 1, np.nan, 0]])
OF_KINDS = {
    "height": Gaussian(),
    "price": LogNormal(),
    "visits": NegativeBinomial(),
    "open": Bernoulli(),
    "colour": Categorical(3),
    "size": Ordinal(4),
}


def resolved(spec, X=ROWS, columns=None):
    found = resolve_likelihood(spec, X, columns)
    assert type(found) is Columns
    return {name: repr(of) for name, of in found.by_column.items()}


def words(by_column):
    return {name: repr(of) for name, of in by_column.items()}


def test_auto_follows_the_kinds_of_the_columns():
    assert resolved("auto", columns=COLUMNS) == words(OF_KINDS)


def test_columns_that_are_alike_need_no_dict():
    truth = np.array([False, True])
    columns = [Column(name, "binary", truth, "booleans") for name in "ab"]
    found = resolve_likelihood("auto", np.ones((2, 2)), columns)
    assert type(found) is Bernoulli
    given = Gaussian(learn_scale=False)
    columns = [Column("a", "count"), Column("b", "count")]
    found = resolve_likelihood(given, np.ones((2, 2)), columns)
    assert found is given


def test_a_frame_of_numbers_is_what_the_array_of_its_values_is():
    columns = [Column("a", "count"), Column("b", "positive")]
    for X in (np.array([[0.0, 0.5], [1.0, 0.2]]), np.array([[0.0, 0.5], [3.0, 8.0]])):
        assert repr(resolve_likelihood("auto", X, columns)) == repr(
            resolve_likelihood("auto", X)
        )
    # Beside a category, each has the likelihood of its kind.
    columns.append(Column("c", "categorical", COLOURS, "text"))
    found = resolve_likelihood("auto", np.zeros((2, 3)), columns).by_column
    assert type(found["a"]) is NegativeBinomial


@pytest.mark.parametrize("word", ["gaussian", "poisson", "bernoulli"])
def test_a_word_is_for_all_columns_but_those_of_categories(word):
    expected = dict.fromkeys(OF_KINDS, LIKELIHOODS[word]())
    expected |= {"colour": Categorical(3), "size": Ordinal(4)}
    assert resolved(word, columns=COLUMNS) == words(expected)


def test_a_dict_is_for_the_columns_that_it_names():
    spec = {"visits": "poisson", "size": "categorical", 0: Gaussian(min_scale=0.1)}
    expected = OF_KINDS | {
        "visits": Poisson(),
        "size": Categorical(),
        "height": Gaussian(min_scale=0.1),
    }
    assert resolved(spec, columns=COLUMNS) == words(expected)
    assert resolved({"open": "auto"}, columns=COLUMNS) == words(OF_KINDS)


def test_an_array_has_numbers_of_columns(container):
    X = container(np.array([[1.0, 3.0, 1.0], [0.0, 0.0, -4.0]]))
    found = resolved({1: "negative_binomial"}, X)
    assert found == {
        0: "Bernoulli()",
        1: "NegativeBinomial()",
        2: "Gaussian()",
    }


def test_a_category_column_has_room_for_categories_that_no_row_has():
    columns = [Column("colour", "categorical", COLOURS), Column("height", "real")]
    X = np.array([[0.0, 1.0], [0.0, 2.0]])
    module = resolve_likelihood("auto", X, columns).build(X)
    assert module.n_outputs == 3 + 1
    alone = [Column("colour", "categorical", COLOURS[:1])]
    found = resolve_likelihood("auto", X[:, :1], alone)
    assert found.n_categories == 2  # at least


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"weight": "gaussian"}, "names the column 'weight', which X does not have"),
        ({6: "gaussian"}, "names the column 6"),
        ({"price": "normal"}, r"likelihood\['price'\]='normal' is not allowed; .*'aut"),
        ({1: {"height": "gaussian"}}, r"likelihood\['price'\]={'height'.*object such"),
        ({"price": Gaussian}, r"likelihood\['price'\]=<class.*object such"),
        ({"price": None}, r"likelihood\['price'\]=None is not allowed"),
    ],
)
def test_dicts_are_checked(spec, message):
    with pytest.raises(ValueError, match=message):
        resolve_likelihood(spec, ROWS, COLUMNS)
    with pytest.raises(ValueError, match="names the column 'price'.*0, 1, 2"):
        resolve_likelihood({"price": "gaussian"}, ROWS)
