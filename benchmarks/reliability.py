"""What is lost when processes are killed, files damaged and fits run side by side.

    OMP_NUM_THREADS=1 python benchmarks/reliability.py --save

A process that fits the digits with a checkpoint, or runs a study with a cache, is
killed (SIGKILL) after a random time, again and again, until it ends. So is one of two
processes that share a fit. What comes out is compared, bit by bit, with what comes out
of a process that nobody kills. Files of a model are damaged in random places, and
loaded. Fits run in several threads at once, and are compared with fits that run alone.
"""

import argparse
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from common import digits, keep_labels
from report import add_save, report
from sklearn.naive_bayes import GaussianNB

import skfmvae
from skfmvae.model_selection import label_efficiency_curve
from skfmvae.persistence import InvalidFileError, load

ESTIMATORS = ("FactorialMixtureVAE", "SemiSupervisedVAE", "SemafoVAE")
# Seconds until a kill at the longest: several of them come before a fit has ended.
LONGEST = 1.5
LONGEST_SHARED = 12.0  # of which half go by until the processes have met
N_THREADS = 4


def partial_digits():
    """Return the digits, a hundred of them with a label."""
    X, y = digits()
    return X, keep_labels(y, 100, random_state=0)


def fit(name, checkpoint=None, seed=0, max_epochs=None):
    """Fit the digits, and return a digest of the model and of its predictions."""
    X, y = partial_digits()
    settings = {"checkpoint": checkpoint, "max_epochs": max_epochs}
    estimator = getattr(skfmvae, name)(**settings, random_state=seed).fit(X, y)
    digest = hashlib.sha256(estimator.predict_proba(X).tobytes())
    for tensor in estimator.net_.module_.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def study(cache=None):
    """Run a study of the digits, and return a digest of its table."""
    X, y = digits()
    table = label_efficiency_curve(
        {"ours": skfmvae.SemiSupervisedVAE(max_epochs=4), "Bayes": GaussianNB()},
        *(X[:600], y[:600]),
        budgets=[50, 100],
        cv=3,
        random_state=0,
        cache=cache,
    )
    results = table[[name for name in table if "time" not in name]]
    return hashlib.sha256(results.to_csv().encode()).hexdigest()


def write_result(job, folder, path):
    """Do a job that keeps its state in a folder, and write what comes out."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    path.write_text(job(folder))


def killed_until_done(job, expected, n_kills, rng):
    """Kill a job ever again; return how often, and how many runs ended otherwise."""
    context, kills, n_runs, n_different = multiprocessing.get_context("fork"), 0, 0, 0
    while kills < n_kills:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result"
            while not path.exists():
                arguments = job, str(Path(folder) / "kept"), path
                process = context.Process(target=write_result, args=arguments)
                process.start()
                # None once there are enough: the last run may then end.
                enough = kills >= n_kills
                process.join(None if enough else rng.uniform(0, LONGEST))
                if process.is_alive():
                    process.kill()
                    process.join()
                    kills += 1
                elif process.exitcode:
                    raise SystemExit(f"a process ended with {process.exitcode}")
            n_runs += 1
            n_different += path.read_text() != expected
    return kills, n_runs, n_different


SHARED = """
import os, sys
from pathlib import Path
from reliability import fit

result = fit("FactorialMixtureVAE", sys.argv[1], max_epochs=10)
if os.environ["RANK"] == "0":
    Path(sys.argv[2]).write_text(result)
"""


def one_of_two_killed(n_kills, rng):
    """Kill one of two processes that share a fit; return as `killed_until_done`."""
    with tempfile.TemporaryDirectory() as folder:
        script, path = Path(folder) / "shared.py", Path(folder) / "result"
        script.write_text(SHARED)

        def run(kept, seconds):
            command = [sys.executable, "-m", "torch.distributed.run"]
            command += ["--standalone", "--nproc-per-node", "2", script, kept, path]
            process = subprocess.Popen(
                [str(part) for part in command],
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
            if seconds is None:
                process.wait()
                return False
            time.sleep(seconds)
            listed = subprocess.run(
                ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
            )
            workers = [int(number) for number in listed.stdout.split()]
            if workers:
                os.kill(int(rng.choice(workers)), signal.SIGKILL)
            process.wait()
            return bool(workers) and not path.exists()

        run(Path(folder) / "undisturbed", None)
        expected, kills, n_runs, n_different = path.read_text(), 0, 0, 0
        path.unlink()
        while kills < n_kills or not path.exists():
            wait = rng.uniform(0, LONGEST_SHARED) if kills < n_kills else None
            kills += run(Path(folder) / "kept", wait)
            if path.exists():
                n_runs += 1
                n_different += path.read_text() != expected
                if kills < n_kills:
                    path.unlink()
        return kills, n_runs, n_different


def damaged(data, rng):
    """Return the bytes of a file with a random damage."""
    kind = rng.integers(3)
    if kind == 0:
        return data[: rng.integers(len(data))]
    changed = bytearray(data)
    if kind == 1:  # some bits, anywhere or in the header
        within = len(data) if rng.random() < 0.5 else 4000
        for place in rng.integers(within, size=rng.integers(1, 9)):
            changed[place] ^= 1 << rng.integers(8)
    else:  # two parts change places
        size = int(rng.integers(1, len(data) // 4))
        a, b = rng.integers(len(data) - size, size=2)
        changed[a : a + size], changed[b : b + size] = (
            data[b : b + size],
            data[a : a + size],
        )
    return bytes(changed)


def damaged_files(n_files, rng):
    """Return how many damaged files were loaded, and how many as something else."""
    X, y = partial_digits()
    with tempfile.TemporaryDirectory() as folder:
        path, loaded, n_different = Path(folder) / "x.safetensors", 0, 0
        for i in range(n_files):
            if i % (n_files // 3) == 0:
                name = ESTIMATORS[min(2, i // (n_files // 3))]
                model = getattr(skfmvae, name)(max_epochs=2, random_state=0).fit(X, y)
                model.save(path)
                data, expected = path.read_bytes(), model.predict_proba(X[:9])
            path.write_bytes(damaged(data, rng))
            try:
                found = load(path).predict_proba(X[:9])
            except InvalidFileError:
                continue
            loaded += 1
            n_different += path.read_bytes() != data and (found != expected).any()
    return loaded, n_different


def fits_in_threads(n_fits):
    """Return how many fits in threads differ from fits that run alone."""
    jobs = [(ESTIMATORS[i % 3], None, i) for i in range(n_fits)]
    with ThreadPoolExecutor(N_THREADS) as pool:
        side_by_side = list(pool.map(lambda job: fit(*job), jobs))
    return sum(
        found != fit(*job) for found, job in zip(side_by_side, jobs, strict=True)
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--shared-kills", type=int, default=10)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--fits", type=int, default=12)
    add_save(parser)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rng, rows = np.random.default_rng(0), []

    def note(what, tried, ended, lost):
        rows.append([what, tried, ended, str(lost)])
        print(" | ".join(rows[-1]), flush=True)

    jobs = [(f"fits of {n}", lambda kept, n=n: fit(n, kept)) for n in ESTIMATORS]
    for what, job in [*jobs, ("studies", study)]:
        kills, n_runs, lost = killed_until_done(job, job(None), arguments.kills, rng)
        note(f"{what}, killed", f"{kills} kills", f"{n_runs} went on to the end", lost)
    kills, n_runs, lost = one_of_two_killed(arguments.shared_kills, rng)
    what = "fits that two processes share, one killed"
    note(what, f"{kills} kills", f"{n_runs} went on to the end", lost)
    loaded, lost = damaged_files(arguments.files, rng)
    refused = f"{arguments.files - loaded} refused, {loaded} loaded"
    note("files of models, damaged", f"{arguments.files} files", refused, lost)
    lost = fits_in_threads(arguments.fits)
    what = f"fits in {N_THREADS} threads at once"
    note(what, f"{arguments.fits} fits", f"{arguments.fits} ended", lost)
    report(
        "Reliability",
        ["what", "tried", "outcome", "not the same to the bit"],
        rows,
        "kills after a random time, one seed",
        arguments.save,
    )


if __name__ == "__main__":
    main()
