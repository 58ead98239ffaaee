"""Data with known properties.

The images are rendered, or composed of scikit-learn's digits; there is no download.
`open_parquet` opens tables of your own that stay on disk.
"""

from skfmvae.targets import mask_labels

from .composed_digits import (
    COMPOSED_DIGITS_COLUMNS,
    hold_out_composed_digits,
    make_composed_digits,
)
from .lit_objects import LIT_OBJECTS_COLUMNS, make_lit_objects
from .multi_digits import MULTI_DIGITS_COLUMNS, make_multi_digits
from .parquet import open_parquet
from .sprites import SPRITES_COLUMNS, make_sprites

__all__ = [
    "COMPOSED_DIGITS_COLUMNS",
    "LIT_OBJECTS_COLUMNS",
    "MULTI_DIGITS_COLUMNS",
    "SPRITES_COLUMNS",
    "hold_out_composed_digits",
    "make_composed_digits",
    "make_lit_objects",
    "make_multi_digits",
    "make_sprites",
    "mask_labels",
    "open_parquet",
]
