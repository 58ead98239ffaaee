"""What `y` can hold: partial labels, quantities, and labels hidden on purpose."""

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
