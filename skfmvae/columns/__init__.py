"""What X can hold: kinds of columns, categories, missing entries; frames in and out."""

from .choice import named_columns
from .column import KINDS, Column
from .dataset import without_rows
from .encoder import ColumnEncoder
from .vectorizer import ColumnVectorizer

__all__ = [
    "KINDS",
    "Column",
    "ColumnEncoder",
    "ColumnVectorizer",
    "named_columns",
    "without_rows",
]
