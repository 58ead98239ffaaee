"""Studies on threads, on processes and on a Dask cluster: the same numbers."""

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from skfmvae import FactorialMixtureVAE
from skfmvae.model_selection import label_efficiency_curve

ROOT = Path(__file__).parents[2]
DEADLINE = 60  # seconds, for what takes few


def wait_until(condition):
    """Return what a function returns once that is true."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return value


def in_subprocess(*arguments, path=()):
    """Start Python such that it can import the package."""
    folders = [str(ROOT), *map(str, path), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.Popen([sys.executable, *arguments], env=environment)


def untimed(results):
    return results.drop(columns=["fit_time", "score_time"])


def run_study(**settings):
    """Return the scores of 16 fits."""
    X, y = load_digits(return_X_y=True)
    models = {
        "VAE": FactorialMixtureVAE(max_epochs=2, calibrate=False),
        "logistic": LogisticRegression(max_iter=50, tol=1e-2),
    }
    results = label_efficiency_curve(
        models,
        X[:200] / 16,
        y[:200],
        budgets=[20, 50],
        cv=2,
        n_repeats=2,
        random_state=0,
        **settings,
    )
    return untimed(results)


@pytest.fixture(scope="module")
def expected():
    return run_study()


# Threads and processes ----------------------------------------------------------------


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_threads_and_processes_give_the_same_numbers(backend, expected):
    with parallel_config(backend):
        assert run_study(n_jobs=2).equals(expected)


def test_fits_at_once_in_threads_do_not_disturb_each_other():
    X, y = load_digits(return_X_y=True)

    def fit(seed):
        model = FactorialMixtureVAE(max_epochs=3, calibrate=False, random_state=seed)
        return model.fit(X[:200] / 16, y[:200]).predict_proba(X / 16)

    one_after_the_other = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as executor:
        at_once = list(executor.map(fit, range(4)))
    assert_array_equal(at_once, one_after_the_other)


def threads_in_use():
    """Return the numbers of threads of torch and of each BLAS."""
    libraries = threadpool_info()
    blas = [lib["num_threads"] for lib in libraries if lib["user_api"] == "blas"]
    return {torch.get_num_threads(), *blas}


@pytest.fixture
def two_threads():
    """Let torch and BLAS have two threads each, however few there are outside."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2):
        yield
    torch.set_num_threads(n_threads)


class Noting(DummyClassifier):
    """Notes how many threads `fit` may use."""

    noted = []

    def fit(self, X, y):
        self.noted.append(threads_in_use())
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.usefixtures("two_threads")
def test_a_task_has_one_thread(n_jobs):
    assert threads_in_use() == {2}
    Noting.noted.clear()
    X, y = load_digits(return_X_y=True)
    with parallel_config("threading"):
        label_efficiency_curve(
            {"noting": Noting()}, X, y, budgets=[10, 20], n_jobs=n_jobs
        )
    assert Noting.noted == [{1}] * 10
    assert threads_in_use() == {2}


# A study that is killed ---------------------------------------------------------------

MODULE = """
    from sklearn.datasets import load_digits
    from skfmvae import FactorialMixtureVAE
    from skfmvae.model_selection import label_efficiency_curve

    class Counted(FactorialMixtureVAE):
        def fit(self, X, y):
            with open(__file__ + ".fits", "a") as file:
                file.write("one\\n")
            return super().fit(X, y)

    def run(cache=None):
        X, y = load_digits(return_X_y=True)
        return label_efficiency_curve(
            {"counted": Counted(max_epochs=2, calibrate=False)}, X[:300] / 16, y[:300],
            budgets=[20, 50], n_repeats=2, cv=3, random_state=0, cache=cache,
        )
"""


def test_a_killed_study_goes_on_where_it_stopped(tmp_path, monkeypatch):
    module, cache = tmp_path / "interrupted_study.py", tmp_path / "cache"
    module.write_text(textwrap.dedent(MODULE))
    command = f"import interrupted_study; interrupted_study.run({str(cache)!r})"
    with in_subprocess("-c", command, path=[tmp_path]) as process:
        try:
            wait_until(lambda: len(list(cache.glob("*.json"))) >= 3)
        finally:
            process.kill()
    n_kept = len(list(cache.glob("*.json")))
    assert 3 <= n_kept < 12

    monkeypatch.syspath_prepend(tmp_path)
    study = __import__("interrupted_study")
    fits = Path(f"{study.__file__}.fits")
    fits.unlink()
    resumed = study.run(cache)
    assert len(fits.read_text().splitlines()) == 12 - n_kept
    assert untimed(resumed).equals(untimed(study.run()))
    assert study.run(cache).equals(resumed)  # times too


# A Dask cluster -----------------------------------------------------------------------


class Cluster:
    """A scheduler and workers, processes of their own that speak TCP on loopback."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.started = [self.start("scheduler", "--host", "127.0.0.1", "--port", "0")]

    def start(self, role, *options):
        options += ("--scheduler-file", str(self.file), "--no-dashboard")
        return in_subprocess("-m", f"distributed.cli.dask_{role}", *options)

    def connect(self):
        wait_until(self.file.exists)
        self.client = distributed.Client(scheduler_file=str(self.file))

    @property
    def workers(self):
        """The addresses of the workers."""
        return list(self.client.scheduler_info()["workers"])

    def have(self, n_workers, n_threads=1):
        """Start workers until there are so many."""
        options = "--nthreads", str(n_threads), "--no-nanny", "--host", "127.0.0.1"
        for _ in range(n_workers - len(self.workers)):
            self.started.append(self.start("worker", *options))
        self.client.wait_for_workers(n_workers, timeout=DEADLINE)

    def kill(self, address):
        """Kill a worker, without a chance to say so."""
        pid = self.client.run(os.getpid)[address]
        next(process for process in self.started if process.pid == pid).kill()
        wait_until(lambda: address not in self.workers)

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()


distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.connect()
        with cluster.client:
            yield cluster
    finally:
        cluster.close()


def run_on(cluster, cache=None):
    with parallel_config("dask", client=cluster.client):
        return run_study(cache=cache)


def n_done(cache):
    return len(list(cache.glob("*.json")))


def test_the_only_worker_is_killed_in_the_middle(cluster, expected, tmp_path):
    for address in cluster.workers:
        cluster.kill(address)
    cluster.have(1, n_threads=2)
    with ThreadPoolExecutor(1) as executor:
        results = executor.submit(run_on, cluster, tmp_path)
        wait_until(lambda: n_done(tmp_path) >= 3)
        cluster.kill(*cluster.workers)
        assert 3 <= n_done(tmp_path) < len(expected)
        # They find no data there.
        cluster.have(2)
        assert results.result(DEADLINE).equals(expected)


def test_a_cluster_gives_the_same_numbers(cluster, expected):
    cluster.have(2)
    assert run_on(cluster).equals(expected)


def test_data_are_not_sent_with_each_fit(cluster, monkeypatch):
    from distributed.comm.tcp import TCP

    cluster.have(2)
    client = cluster.client
    monkeypatch.setattr(TCP, "write", TCP.write)  # put back afterwards

    def count():  # sent by value, since a local function
        from distributed.comm.tcp import TCP

        write = TCP.write
        TCP.n_sent = 0

        async def counted(self, *args, **kwargs):
            n_bytes = await write(self, *args, **kwargs)
            TCP.n_sent += n_bytes
            return n_bytes

        TCP.write = counted

    def n_sent():
        from distributed.comm.tcp import TCP

        return TCP.n_sent

    count()
    client.run_on_scheduler(count)
    client.run(count)
    X = np.random.default_rng(0).random((500, 5000))  # 20 MB
    n_repeats = 6
    with parallel_config("dask"):
        results = label_efficiency_curve(
            {"dummy": DummyClassifier()},
            X,
            np.arange(500) % 2,
            budgets=[20, 40],
            cv=2,
            n_repeats=n_repeats,
        )
    assert len(results) == 4 * n_repeats
    by_scheduler, by_workers = client.run_on_scheduler(n_sent), client.run(n_sent)
    # To the scheduler, and from there to two workers; perhaps to one of them again, for
    # Dask drops a copy where nothing waits for it.
    assert X.nbytes < n_sent() < 1.1 * X.nbytes
    assert X.nbytes < by_scheduler + sum(by_workers.values()) < 4 * X.nbytes


def test_one_of_two_workers_is_killed_in_the_middle(cluster, expected, tmp_path):
    cluster.have(2)
    killed, other = cluster.workers
    with ThreadPoolExecutor(1) as executor:
        results = executor.submit(run_on, cluster, tmp_path)
        wait_until(lambda: n_done(tmp_path) >= 3)
        wait_until(lambda: cluster.client.processing()[killed])
        cluster.kill(killed)
        assert 3 <= n_done(tmp_path) < len(expected)
        assert results.result(DEADLINE).equals(expected)
    assert cluster.workers == [other]


# Progress ----------------------------------------------------------------------------


def test_progress_shows_the_time_left_and_what_was_cached(study, capsys):
    run, _, _ = study
    run()
    assert "fit" not in capsys.readouterr().err
    run(budgets=[10, 20, 30], verbose=1)
    shown = capsys.readouterr().err
    assert "6/9" in shown
    assert "9/9" in shown
    assert "<" in shown, "elapsed < left"
