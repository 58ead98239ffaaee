"""Results of finished tasks, kept in a folder so that a study can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

__all__ = ["ResultCache", "checksum"]

# Matches names with any `uuid4().hex`.
UNFINISHED = f"*.{'[0-9a-f]' * 32}.tmp"
ABANDONED = 24 * 3600  # seconds after which an unfinished file is left from a kill


class ResultCache:
    """A folder with one small JSON file per finished task.

    A file is written whole or not at all, and has a checksum of its key and contents.
    JSON keeps every float to the last bit, and loading runs no code. Where the folder
    cannot be written, nothing is kept, and the first failure raises a warning.

    Parameters
    ----------
    folder : str or path
        Created if it does not exist.

    Warns
    -----
    RuntimeWarning
        If the folder cannot be created.

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
        self._has_warned = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._warn_unwritten(error)
        # A process that was killed while writing leaves an unfinished file.
        with suppress(OSError):
            for path in self.folder.glob(UNFINISHED):
                if path.stat().st_mtime < time.time() - ABANDONED:
                    path.unlink(missing_ok=True)

    def load(
        self, key: str, is_valid: Callable[[Any], bool] | None = None
    ) -> dict[str, Any] | None:
        """Return the result of a task, or None where there is no valid one.

        Parameters
        ----------
        key : str
            The key that was passed to `save`.
        is_valid : callable, default=None
            Returns whether a result has the right form; None accepts any.

        Returns
        -------
        result : dict or None
            The saved result.

        Warns
        -----
        RuntimeWarning
            If the file is damaged, or of another key.
        """
        path = self._path(key)
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            if entry["checksum"] != checksum(key, entry["result"]):
                reason = "its checksum differs"
            elif is_valid is not None and not is_valid(entry["result"]):
                reason = "it is not the result of such a task"
            else:
                return entry["result"]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # any damage of the file
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
            Identifies the task; a file name.
        result : dict
            Numbers and strings.

        Warns
        -----
        RuntimeWarning
            If the file cannot be written; only the first time.
        """
        entry = json.dumps({"checksum": checksum(key, result), "result": result})
        # A unique name, so that studies and threads may share a folder; not that of a
        # tempfile, which other users cannot read.
        unfinished = self.folder / f"{key}.{uuid4().hex}.tmp"
        try:
            try:
                unfinished.write_text(entry, encoding="utf-8")
                os.replace(unfinished, self._path(key))
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink(missing_ok=True)
                raise
        except OSError as error:
            self._warn_unwritten(error)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _warn_unwritten(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"the cache {self.folder} cannot be written ({error}); the study goes "
                "on, but the next one computes results again that are not kept.",
                RuntimeWarning,
                stacklevel=3,
            )


def checksum(key: str, result: dict[str, Any]) -> str:
    """Return the checksum of an entry.

    Parameters
    ----------
    key : str
        The key of the entry.
    result : dict
        Its contents.

    Returns
    -------
    checksum : str
        Hexadecimal.
    """
    content = json.dumps([key, result], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
