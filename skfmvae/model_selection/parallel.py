"""The tasks of a study, side by side and through a cache."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from tqdm.auto import tqdm

from skfmvae._utils.threads import one_thread

from .cache import ResultCache
from .tasks import Study, Task, fit_and_score

__all__ = ["run_tasks"]


def run_tasks(
    study: Study,
    tasks: Sequence[Task],
    n_jobs: int | None,
    cache: str | os.PathLike | None,
    verbose: int,
) -> list[dict[str, Any]]:
    """Return the result of each task, from the cache where it has one.

    Parameters
    ----------
    study : Study
        The study.
    tasks : sequence of Task
        Its tasks.
    n_jobs : int or None
        Number of parallel fits, as for `label_efficiency_curve`.
    cache : str, path or None
        A folder for results, as for `label_efficiency_curve`.
    verbose : int
        Any number but 0 shows a progress bar.

    Returns
    -------
    results : list of dict
        The result of `fit_and_score` for each task.
    """
    results: list[Any] = [None] * len(tasks)
    if cache is not None:
        stored, digest = ResultCache(cache), study.digest()
        keys = [study.key(task, digest) for task in tasks]
        results = [stored.load(key, study.is_result) for key in keys]
    missing = [i for i, result in enumerate(results) if result is None]
    backend, _ = get_active_backend()
    # Results are saved one by one where the backend returns them so.
    return_as = "generator_unordered" if backend.supports_return_generator else "list"
    bar = tqdm(
        total=len(tasks),
        initial=len(tasks) - len(missing),
        disable=not verbose,
        unit="fit",
    )
    # One thread here too: with a backend of threads the limit is that of all tasks.
    with bar, one_thread(), _shared(study, backend):
        done = Parallel(n_jobs, return_as=return_as, batch_size=1)(
            delayed(_numbered)(i, study, tasks[i]) for i in missing
        )
        for i, result in done:
            results[i] = result
            if cache is not None and "error" not in result:
                stored.save(keys[i], result)
            bar.update()
    return results


def _numbered(i, study, task):
    return i, fit_and_score(study, task)


@contextmanager
def _shared(study, backend) -> Iterator[None]:
    """Give the study to the workers of a Dask cluster as the result of a task.

    Like scattered data it is sent once to each worker, not with each fit. Scattered
    data are lost with the last worker that holds them; the result of a task is then
    computed again.
    """
    if type(backend).__name__ != "DaskDistributedBackend":
        yield
        return
    from distributed.protocol import pickle

    with warnings.catch_warnings():
        # Dask recommends scattered data.
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        future = backend.client.submit(
            pickle.loads, pickle.dumps(study), pure=False, **backend.submit_kwargs
        )
    # Where joblib looks up the data that it has scattered.
    backend.data_futures[id(study)] = future
    try:
        yield
    finally:
        del backend.data_futures[id(study)]
