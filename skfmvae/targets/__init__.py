"""What `y` can hold: partial labels, quantities, and labels hidden on purpose."""

from .encoder import TargetEncoder
from .labels import (
    Columns,
    PartialLabelEncoder,
    as_array,
    columns_of,
    narrowed,
    positions_of,
)
from .masking import keep_entries, label_order, mask_labels
from .quantities import QuantityEncoder, is_quantity, missing_entries

__all__ = [
    "Columns",
    "PartialLabelEncoder",
    "QuantityEncoder",
    "TargetEncoder",
    "as_array",
    "columns_of",
    "is_quantity",
    "keep_entries",
    "label_order",
    "mask_labels",
    "missing_entries",
    "narrowed",
    "positions_of",
]
