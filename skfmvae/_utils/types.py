"""Types of arguments."""

from typing import Any, TypeAlias

__all__ = ["MatrixLike"]

MatrixLike: TypeAlias = Any  # an array-like, a frame or a CSR matrix: no type says that
