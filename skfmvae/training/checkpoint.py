"""Files from which a killed fit goes on.

Of the processes that share a fit, the first one alone reads and writes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from io import BytesIO
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from sklearn.base import BaseEstimator

from skfmvae._utils.compat import Interval
from skfmvae._utils.distributed import from_first, rank

from .net_state import plain

__all__ = ["Checkpoint", "CheckpointFile", "CheckpointFolder", "opened_folder"]

MAIN = "main"  # the training that a fit starts with


class Checkpoint(BaseEstimator):
    """A folder in which a fit keeps its state, so that it can go on after a kill.

    When the process is killed, at whatever moment, call `fit` again with the same data
    and parameters: it goes on from the last epoch that was written, and ends bit by bit
    like a fit that nothing has killed, on the same machine. The trainings by which
    predictions are calibrated have files of their own, so that none that is complete is
    repeated; what comes before the first epoch, such as the neighbour graph, is. After
    an interrupt (Ctrl-C) the next fit goes on, too.

    When `fit` is complete it removes its files, and the next one starts anew; an empty
    file ``lock`` stays. A folder serves one fit at a time: give each fit that runs at
    the same time one of its own, and let estimators within a search have none.

    Other data, parameters or versions of torch or skfmvae than those of the fit in the
    folder are an error; `verbose` and `checkpoint` itself may change. With a
    `random_state` of None or a RandomState, its state at the start of the killed fit is
    taken up.

    Files are replaced as a whole, and no code is run by reading them. They hold the
    state of the model, the optimizer, the regularizers and the callbacks: what a
    callback returns from ``state_dict()`` and takes by ``load_state_dict()``, else its
    attributes that end in an underscore and are numbers, strings, tensors, or lists and
    dicts of them. Draws of Python's or NumPy's global random state by code of yours,
    as by `features` without a seed, do not repeat.

    Parameters
    ----------
    folder : str or path
        Where the files are; made where it does not exist.
    every : int, default=1
        Epochs from one writing to the next. Raise it where epochs are short: on 1,800
        digits, writing takes 5 % of the processor time of an epoch, and waits for the
        disk. A file is about three times as large as the model, plus four bytes for
        each class of a partly labelled property, and for each latent, on each row.

    Examples
    --------
    >>> from skfmvae.training import Checkpoint
    >>> Checkpoint("build/fit", every=5)
    Checkpoint(every=5, folder='build/fit')
    """

    _parameter_constraints: dict = {
        "folder": [str, os.PathLike],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, folder: str | os.PathLike, every: int = 1):
        self.folder = folder
        self.every = every


class CheckpointFile:
    """The state of one training.

    Parameters
    ----------
    path : Path
    every : int
        Epochs from one writing to the next.
    fit : dict
        What the training is part of, as in `CheckpointFolder`.
    """

    def __init__(self, path: Path, every: int, fit: dict[str, Any]):
        self.path = path
        self.every = every
        self.fit = fit

    def load(self) -> dict[str, Any] | None:
        """Return the state that was saved last, None where there is none."""
        found = None if rank() else _read(self.path)
        if found is not None and found["fit"] != self.fit:
            found = None
        return from_first(found and found["state"])

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state, which is plain, see `plain`."""
        if rank():
            return
        buffer = BytesIO()
        torch.save({"fit": self.fit, "state": state}, buffer)
        content = buffer.getvalue()
        new = self.path.with_suffix(".tmp")
        with new.open("wb") as file:
            file.write(_digest(content))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave an empty file
        os.replace(new, self.path)

    def remove(self) -> None:
        """Remove the state, and what a killed writing has left."""
        if rank():
            return
        for path in (self.path.with_suffix(".tmp"), self.path):
            path.unlink(missing_ok=True)


class CheckpointFolder:
    """The files of the trainings of one fit.

    Parameters
    ----------
    settings : Checkpoint
    about : dict of str to str
        What the fit depends on, by name: data, parameters, versions.
    random_state : RandomState
        Of the fit, which takes up its state at the start of the killed fit, if any.

    Raises
    ------
    ValueError
        When the folder holds a fit that differs, or a file that cannot be read.
    """

    def __init__(self, settings: Checkpoint, about: dict[str, str], random_state):
        self.folder = Path(settings.folder)
        self.every = settings.every
        self.files: dict[str, CheckpointFile] = {}
        found = None if rank() else _read(self.folder / f"{MAIN}.pt")
        if found is None:
            self.fit = {"about": about, "random_state": _state_of(random_state)}
        else:
            self.fit = found["fit"]
            self._check_same(self.fit["about"], about)
            random_state.set_state(self.fit["random_state"])

    def file(self, training: str) -> CheckpointFile:
        """Return the file of a training of this name."""
        path = self.folder / f"{training}.pt"
        return self.files.setdefault(
            training, CheckpointFile(path, self.every, self.fit)
        )

    def clear(self) -> None:
        """Remove the files of all trainings, as the fit is complete."""
        # That of the first training is the last to go: it says what fit the others are.
        for name in sorted(self.files, key=lambda name: name == MAIN):
            self.files[name].remove()

    def _check_same(self, before, now):
        differing = [
            f"{name}={before.get(name)}, now {name}={now.get(name)}"
            for name in before | now
            if before.get(name) != now.get(name)
        ]
        if differing:
            raise ValueError(
                f"The checkpoint folder {str(self.folder)!r} holds a fit with "
                f"{'; '.join(differing)}. Give what that fit had to go on with it; use "
                "another folder, or delete this one, to start anew."
            )


@contextmanager
def opened_folder(
    settings: Checkpoint, about: dict[str, str], random_state
) -> Iterator[CheckpointFolder]:
    """Open the folder of a fit for as long as the block takes, and for it alone.

    Parameters are those of `CheckpointFolder`.

    Yields
    ------
    folder : CheckpointFolder

    Raises
    ------
    ValueError
        When another fit that is running has the folder open; else as there.
    """
    if rank():
        yield CheckpointFolder(settings, about, random_state)
        return
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True)
    # The system releases it when the process is killed.
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"Another fit is running with the checkpoint folder {str(folder)!r}; give "
            "each fit a folder of its own."
        ) from None
    try:
        yield CheckpointFolder(settings, about, random_state)
    finally:
        lock.release()


def _read(path: Path) -> Any:
    """Return what a file holds, None where there is no file."""
    if not path.exists():
        return None
    content = path.read_bytes()
    n_before = len(_digest(b""))
    if content[:n_before] != _digest(content[n_before:]):
        raise ValueError(
            f"The checkpoint {str(path)!r} is damaged, or no file of this package; "
            "delete it to fit from the start, or use another folder."
        )
    buffer = BytesIO(content[n_before:])
    return torch.load(buffer, map_location="cpu", weights_only=True)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _state_of(random_state) -> Any:
    """Return the state of a RandomState, of whichever generator, without arrays."""

    def listed(value):
        if isinstance(value, Mapping):
            return {key: listed(item) for key, item in value.items()}
        return value.tolist() if isinstance(value, np.ndarray) else value

    return plain(listed(random_state.get_state(legacy=False)))
