"""Targets: partial labels, quantities, and labels that are hidden on purpose."""

from .arrays import Columns, as_array, columns_of, default_names, narrowed
from .classes import codes_by_value
from .declared import declared_classes, unlabelled_columns, with_new_classes
from .encoder import TargetEncoder
from .labels import PartialLabelEncoder
from .masking import keep_entries, label_order, mask_labels
from .quantities import QuantityEncoder, is_quantity

__all__ = [
    "Columns",
    "PartialLabelEncoder",
    "QuantityEncoder",
    "TargetEncoder",
    "as_array",
    "codes_by_value",
    "columns_of",
    "declared_classes",
    "default_names",
    "is_quantity",
    "keep_entries",
    "label_order",
    "mask_labels",
    "narrowed",
    "unlabelled_columns",
    "with_new_classes",
]
