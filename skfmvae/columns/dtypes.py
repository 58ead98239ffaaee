"""Dtypes of pandas, polars and PyArrow as text, which can be saved, and back."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

__all__ = [
    "arrow_type",
    "dtype_text",
    "integer_range",
    "nullable",
    "pandas_dtype",
    "polars_dtype",
]

INTEGER = re.compile(r"u?int(8|16|32|64)")


def dtype_text(series: Any) -> str:
    """Return the dtype of a series in the words of its library.

    Categories are left out, which `Column` has.
    """
    text = str(series.dtype if hasattr(series, "dtype") else series.type)
    if text == "category":  # of which pandas names neither order nor dtype of values
        dtype = series.dtype
        return f"category[{dtype.categories.dtype}]{'<' if dtype.ordered else ''}"
    if text == "string" and hasattr(series, "dtype"):
        return f"string[{series.dtype.storage}]"
    return "Enum" if text.startswith("Enum") else text


def integer_range(text: str) -> tuple[int, int] | None:
    """Return the smallest and the largest value of integers, None for others.

    Examples
    --------
    >>> from skfmvae.columns.dtypes import integer_range
    >>> integer_range("UInt8"), integer_range("float64")
    ((0, 255), None)
    """
    integer = INTEGER.match(text.lower())
    if integer is None:
        return None
    info = np.iinfo(integer.group())
    return int(info.min), int(info.max)


def nullable(text: str) -> str:
    """Return the dtype of pandas that can hold missing values beside those of another.

    Examples
    --------
    >>> from skfmvae.columns.dtypes import nullable
    >>> nullable("uint8"), nullable("bool"), nullable("float64")
    ('UInt8', 'boolean', 'float64')
    """
    if text == "bool":
        return "boolean"
    if INTEGER.fullmatch(text):
        return text.replace("int", "Int").replace("u", "U")
    return text


def pandas_dtype(pd: Any, text: str, categories: Any) -> Any:
    """Return a dtype of pandas or of a library like it."""
    if not text.startswith("category["):
        return pd.api.types.pandas_dtype(text)
    values = pd.Index(list(categories), dtype=text[len("category[") :].rstrip("<")[:-1])
    return pd.CategoricalDtype(values, ordered=text.endswith("<"))


def polars_dtype(pl: Any, text: str, categories: Any) -> Any:
    """Return a dtype of polars."""
    if text == "Enum":
        return pl.Enum(list(categories if categories is not None else []))
    name = text.partition("(")[0]
    arguments = re.findall(r"(\w+)=([^,)]+)", text)
    dtype = getattr(pl, name, None)
    # The text may come from a file, which must not call what else polars has.
    if not (isinstance(dtype, type) and issubclass(dtype, pl.DataType)):
        raise ValueError(f"{text!r} is no dtype of polars.")
    return dtype(**{key: ast.literal_eval(it) for key, it in arguments})


def arrow_type(pa: Any, text: str) -> Any:
    """Return a type of PyArrow."""
    if parts := re.fullmatch(r"dictionary<values=(.+), indices=(\w+), .*=(\d)>", text):
        values, indices, is_ordered = parts.groups()
        return pa.dictionary(
            arrow_type(pa, indices), arrow_type(pa, values), is_ordered == "1"
        )
    if parts := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", text):
        return pa.timestamp(*parts.groups())
    if parts := re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", text):
        name, *sizes = parts.groups()
        return getattr(pa, name)(*map(int, sizes))
    return pa.type_for_alias(text)
