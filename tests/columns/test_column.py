from dataclasses import FrozenInstanceError

import pytest

from skfmvae.columns import KINDS, Column


def test_columns_stay_as_they_are():
    column = Column("age", "real")
    assert column.kind in KINDS
    with pytest.raises(FrozenInstanceError):
        column.kind = "count"
