"""Results of finished tasks, kept in a folder so that a study can go on."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

__all__ = ["ResultCache"]


class ResultCache:
    """A folder with one small JSON file per finished task.

    A file is written whole or not at all, and says by a checksum whether it still is
    what was written. JSON keeps every float to the last bit, and loading runs no code.

    Parameters
    ----------
    folder : str or path
        Made if it is not there.

    Examples
    --------
    >>> import tempfile
    >>> from skfmvae.model_selection.cache import ResultCache
    >>> cache = ResultCache(tempfile.mkdtemp())
    >>> cache.save("a-key", {"test_score": 0.1})
    >>> cache.load("a-key"), cache.load("another")
    ({'test_score': 0.1}, None)
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder).expanduser()
        self.folder.mkdir(parents=True, exist_ok=True)

    def load(self, key: str) -> dict[str, Any] | None:
        """Return the result of a task, or None where there is none to go by.

        Parameters
        ----------
        key : str
            What `save` got.

        Returns
        -------
        result : dict or None
            What was saved.

        Warns
        -----
        RuntimeWarning
            If there is a file, but a damaged one.
        """
        path = self._path(key)
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            if entry["checksum"] == _checksum(entry["result"]):
                return entry["result"]
            reason = "its checksum differs"
        except FileNotFoundError:
            return None
        except (OSError, KeyError, TypeError, ValueError) as error:
            reason = repr(error)
        warnings.warn(
            f"{path} is damaged ({reason}); its task is computed again.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None

    def save(self, key: str, result: dict[str, Any]) -> None:
        """Keep the result of a task.

        Parameters
        ----------
        key : str
            What tells the task from all others; a file name.
        result : dict
            Of numbers and strings.
        """
        path = self._path(key)
        # Of this process alone, so that two studies may share a folder.
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        entry = {"checksum": _checksum(result), "result": result}
        unfinished.write_text(json.dumps(entry), encoding="utf-8")
        os.replace(unfinished, path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _checksum(result: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()
