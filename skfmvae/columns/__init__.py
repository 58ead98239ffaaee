"""What X can hold: kinds of columns, categories, missing entries; frames in and out."""

from .choice import named_columns
from .column import KINDS, Column
from .dataset import without_rows
from .encoder import ColumnEncoder
from .stacking import chosen_rows, stacked_rows
from .vectorizer import ColumnVectorizer

__all__ = [
    "KINDS",
    "Column",
    "ColumnEncoder",
    "ColumnVectorizer",
    "chosen_rows",
    "named_columns",
    "stacked_rows",
    "without_rows",
]
