"""Tables with and without pandas."""

import sys

from numpy.testing import assert_array_equal

from skfmvae.model_selection.tables import as_table

# Kinds of input ----------------------------------------------------------------------


def test_without_pandas_a_dict_of_arrays(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = as_table({"name": ["a", "b"], "score": [0.5, 1.0]})
    assert isinstance(table, dict)
    assert_array_equal(table["name"], ["a", "b"])
    assert_array_equal(table["score"], [0.5, 1.0])
