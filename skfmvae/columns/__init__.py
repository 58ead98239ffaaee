"""What X can hold: kinds of columns, categories, missing entries; frames in and out."""

from .choice import named_columns
from .column import KINDS, Column
from .encoder import ColumnEncoder

__all__ = ["KINDS", "Column", "ColumnEncoder", "named_columns"]
