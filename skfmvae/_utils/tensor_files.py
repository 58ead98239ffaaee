"""Files of tensors with JSON beside them, in the format of safetensors."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

__all__ = ["InvalidFileError", "read_tensors", "write_tensors"]

KEY = "skfmvae"  # of our entry among the metadata


class InvalidFileError(ValueError):
    """A file does not hold a fitted estimator, or not all of it.

    Parameters
    ----------
    message : str
        What is wrong with it.
    """

    def __init__(self, message: str):
        super().__init__(message)


def write_tensors(path: Any, tensors: Mapping[str, Tensor], about: Any) -> None:
    """Write a file as a whole: where that fails, one of before stays.

    Parameters
    ----------
    path : str or path-like
        Of the file, which is replaced.
    tensors : dict of str to Tensor
        By name; none shares memory with another.
    about : dict
        JSON that the header holds, with the checksum.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = _serialized(tensors, about)
    data = _serialized(tensors, about | {"checksum": _checksum(data)})
    path = Path(path)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_tensors(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and JSON of the content of a file.

    Parameters
    ----------
    data : bytes
        The content.

    Returns
    -------
    tensors : dict of str to Tensor
        By name.
    about : dict
        JSON, with the checksum.

    Raises
    ------
    InvalidFileError
        If the file is damaged, or another program has written it.
    """
    try:
        tensors = safetensors.torch.load(data)
        about = _about(_header(data)[0])
    except Exception as error:  # whatever a hostile header brings about
        raise InvalidFileError(
            "It is no file of safetensors by skfmvae, or only a part of one "
            f"({type(error).__name__}: {str(error)[:200]})."
        ) from error
    if about.get("checksum") != _checksum(data):
        raise InvalidFileError(
            "Its checksum is not that of its content: it was damaged or changed after "
            "it was saved."
        )
    return tensors, about


def _serialized(tensors: Mapping[str, Tensor], about: Any) -> bytes:
    text = json.dumps(about, allow_nan=False, separators=(",", ":"))
    return safetensors.torch.save(dict(tensors), {KEY: text})


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """Return the header, and where the tensors begin."""
    start = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:start]), start


def _about(header: dict[str, Any]) -> dict[str, Any]:
    about = json.loads(header["__metadata__"][KEY])
    if not isinstance(about, dict):
        raise TypeError("the metadata are no mapping")
    return about


def _checksum(data: bytes) -> str:
    """Return the SHA-256 of all but the checksum itself."""
    header, start = _header(data)
    about = {k: v for k, v in _about(header).items() if k != "checksum"}
    header = header | {"__metadata__": about}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(memoryview(data)[start:])
    return digest.hexdigest()
