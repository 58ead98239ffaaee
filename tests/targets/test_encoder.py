"""Labels and quantities together: both encoders side by side, and round trips."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.targets import PartialLabelEncoder, QuantityEncoder, TargetEncoder

Y = pd.DataFrame(
    {
        "size": [1.0, np.nan, 5.0, 3.0],
        "animal": ["cat", "dog", None, "cat"],
        "tame": [True, None, False, True],
    }
)


@pytest.fixture
def targets():
    quantities = QuantityEncoder({"size": ["size"]}, list(Y)).fit(Y)
    return TargetEncoder(PartialLabelEncoder().fit(quantities.rest(Y)), quantities)


def test_labels_and_quantities_are_encoded_apart(targets):
    codes, quantities = targets.transform(Y, len(Y))
    assert codes.tolist() == [[0, 1], [1, -1], [-1, 0], [0, 1]]
    size = Y["size"].dropna()
    expected = (Y["size"] - size.mean()) / size.std(ddof=0)
    np.testing.assert_allclose(quantities[:, 0], expected, rtol=1e-6)


def test_what_is_known_makes_the_round_trip(targets):
    known = Y.iloc[[0, 3]]
    found = targets.inverse(*targets.transform(known, 2))
    for row, expected in zip(found, known.to_numpy(), strict=True):
        assert row[0] == pytest.approx(expected[0], rel=1e-6)  # float32 inside
        assert row[1:].tolist() == expected[1:].tolist()


def test_without_quantities_rows_of_y_are_labels():
    labels = PartialLabelEncoder().fit(["a", "b", None])
    targets = TargetEncoder(labels)
    codes, quantities = targets.transform(["b", None], 2)
    assert quantities.shape == (2, 0)
    assert codes.tolist() == labels.transform(["b", None]).tolist()
    assert targets.inverse(codes[:1], quantities[:1]).tolist() == ["b"]


def test_no_y_knows_nothing(targets):
    codes, quantities = targets.transform(None, 3)
    assert (codes == -1).all()
    assert codes.shape == (3, 2)
    assert np.isnan(quantities).all()
    assert quantities.shape == (3, 1)


def test_a_class_that_fit_never_saw(targets):
    with pytest.raises(ValueError, match="cow"):
        targets.transform(Y.replace("dog", "cow"), len(Y))
    codes, _ = targets.transform(Y.replace("dog", "cow"), len(Y), unknown=-2)
    assert codes[:, 0].tolist() == [0, -2, -1, 0]


def test_chosen_properties_are_found_in_either_encoder(targets):
    codes, quantities = targets.values_of({"animal": "dog", "size": [3.0, np.nan]}, 2)
    assert codes.tolist() == [[1, -1], [1, -1]]
    assert quantities[0, 0] == pytest.approx(0.0)
    assert np.isnan(quantities[1, 0])
    with pytest.raises(ValueError, match="colour"):
        targets.values_of({"colour": "red"}, 2)
