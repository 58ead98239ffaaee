"""Types of arguments."""

from typing import Any, TypeAlias

__all__ = ["MatrixLike"]

MatrixLike: TypeAlias = Any  # an array-like or a frame, for which there is no type
