"""Cached results: what is computed again, damage, interrupts."""

import errno
import hashlib
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyClassifier

from skfmvae.model_selection.cache import ResultCache, checksum

SCORES = ["estimator", "budget", "repeat", "fold", "test_score"]


# Cache -------------------------------------------------------------------------------


def test_what_is_cached_is_not_computed_again_and_equal_to_the_last_bit(study):
    run, fits, _ = study
    first = run()
    assert fits() == 6
    again = run()
    assert fits() == 0
    pd.testing.assert_frame_equal(first, again, check_exact=True)


@pytest.mark.parametrize(
    ("changed", "n_fits"),
    [
        ({"budgets": [20, 10]}, 0),
        ({"budgets": [10, 20, 30]}, 3),
        ({"n_repeats": 2}, 6),
        ({"cv": 2}, 4),
        ({"random_state": 1}, 6),
        ({"strategy": "random"}, 6),
        ({"scoring": "balanced_accuracy"}, 6),
    ],
)
def test_what_changes_is_computed_and_nothing_else(study, changed, n_fits):
    run, fits, _ = study
    run()
    fits()
    results = run(**changed)
    assert fits() == n_fits
    expected = run(**changed, cache=None)
    assert_array_equal(results[SCORES], expected[SCORES])


def test_other_rows_labels_and_parameters_are_another_study(counted, study, numbered):
    run, fits, cache = study
    X, y = numbered
    run()
    fits()
    run(X=X + 1e-9)
    assert fits() == 6
    other = y.copy()
    other[np.flatnonzero(y >= 0)[0]] = -1
    run(y=other)
    assert fits() == 6
    path = str(cache.parent / "count")
    run({"tree": counted(path, max_depth=1)})
    assert fits() == 6
    run({"renamed": counted(path, max_depth=1)})
    assert fits() == 0


def change(path):
    entry = json.loads(path.read_text())
    entry["result"]["test_score"] = 0.123
    path.write_text(json.dumps(entry))


def rewrite(result):
    """Return a function that puts another result, with a right checksum, in a file."""

    def damage(path):
        entry = {"checksum": checksum(path.stem, result), "result": result}
        path.write_text(json.dumps(entry))

    return damage


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "another value": change,
    "cut off": lambda path: path.write_text(path.read_text()[:-9]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "empty": lambda path: path.write_text(""),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("1e999"),
    "null": lambda path: path.write_text("null"),
    "no number": lambda path: path.write_text('{"checksum": NaN, "result": NaN}'),
    "nested too deep": lambda path: path.write_text("[" * 100_000),
    "a number too long": lambda path: path.write_text("1" * 5000),
    "of another task": lambda path: shutil.copy(min(path.parent.iterdir()), path),
    "without checksum": lambda path: path.write_text('{"result": {}}'),
    "result is null": rewrite(None),
    "result is a list": rewrite([1.0]),
    "result is empty": rewrite({}),
    "result of text": rewrite({"n_train": "a", "test_score": "b"}),
    "of a version that did not check the key": lambda path: path.write_text(
        json.dumps(
            json.loads(path.read_text())
            | {"checksum": hashlib.sha256(b"the result alone").hexdigest()}
        )
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_entries_are_computed_again_with_a_warning(study, damage):
    run, fits, cache = study
    first = run()
    fits()
    damaged = sorted(cache.glob("*.json"))[2]
    damage(damaged)
    with pytest.warns(RuntimeWarning, match="is damaged"):
        again = run()
    assert fits() == 1
    assert_array_equal(again[SCORES], first[SCORES])
    run()
    assert fits() == 0, "the entry is whole again"


def test_a_folder_in_place_of_a_file_is_computed_each_time(study):
    run, fits, cache = study
    first = run()
    fits()
    replace_by_folder(sorted(cache.glob("*.json"))[2])
    with (
        pytest.warns(RuntimeWarning, match="is damaged"),
        pytest.warns(RuntimeWarning, match="cannot be written"),
    ):
        again = run()
    assert fits() == 1
    assert_array_equal(again[SCORES], first[SCORES])
    assert not list(cache.glob("*.tmp"))


@pytest.mark.parametrize("obstacle", ["file", "vanished", "full"])
def test_a_study_whose_cache_cannot_be_written_goes_on(
    counted, study, monkeypatch, obstacle
):
    run, fits, cache = study
    expected = run(cache=None)
    fits()
    if obstacle == "file":  # where the folder should be
        cache.write_text("")
    elif obstacle == "vanished":
        fit = counted.fit
        monkeypatch.setattr(
            counted, "fit", lambda *given: (shutil.rmtree(cache, True), fit(*given))[1]
        )
    else:

        def no_space(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "replace", no_space)
    with pytest.warns(RuntimeWarning, match="cannot be written") as caught:
        results = run()
    assert len(caught) == 1
    assert fits() == 6
    assert_array_equal(results[SCORES], expected[SCORES])
    assert not list(cache.parent.rglob("*.tmp"))


def test_threads_may_save_the_same_key(tmp_path):
    cache = ResultCache(tmp_path)
    results = [{"test_score": i / 7, "text": "x" * 10_000} for i in range(16)]

    def save(result):
        for _ in range(20):
            cache.save("key", result)
            assert cache.load("key") in results

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(save, results))
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_what_was_left_half_written_is_cleared_away_later(tmp_path):
    left, fresh = (tmp_path / f"key.{digit * 32}.tmp" for digit in "ab")
    others = tmp_path / "notes.tmp"
    for path in (left, fresh, others):
        path.write_text("{")
    for path in (left, others):
        os.utime(path, (0, 0))
    ResultCache(tmp_path)
    assert sorted(tmp_path.iterdir()) == [fresh, others]


def test_an_interrupted_study_goes_on(counted, study, numbered, monkeypatch):
    run, fits, cache = study
    expected = run(cache=None)
    fits()
    stop_at = iter([False] * 4 + [True])
    fit = counted.fit

    def interrupted(self, X, y):
        if next(stop_at):
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(counted, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    assert fits() == 4
    assert len(list(cache.glob("*.json"))) == 4
    results = run()
    assert fits() == 2
    assert_array_equal(results[SCORES], expected[SCORES])


class Interrupted(DummyClassifier):
    """Fits, and is interrupted while the fourth does, or its scoring.

    Fits that start later wait until the interrupt has ended the study.
    """

    starts: ClassVar[list] = []
    where: ClassVar[str] = "fit"
    over: ClassVar[threading.Event] = threading.Event()

    def fit(self, X, y):
        with LOCK:
            self.starts.append(self)
            self.number_ = len(self.starts)
        super().fit(X, y)
        if self.number_ > 4:
            assert self.over.wait(120)
        self._interrupt_at("fit")
        return self

    def predict(self, X):
        self._interrupt_at("predict")
        return super().predict(X)

    def _interrupt_at(self, method):
        if self.where == method and self.number_ == 4:
            raise KeyboardInterrupt


LOCK = threading.Lock()


@pytest.mark.parametrize("where", ["fit", "predict"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_the_study_and_keeps_nothing_half_done(
    study, monkeypatch, n_jobs, where
):
    run, _, cache = study
    monkeypatch.setattr(Interrupted, "where", where)
    monkeypatch.setattr(Interrupted, "over", threading.Event())
    monkeypatch.setattr(Interrupted, "starts", [])
    models = {"dummy": Interrupted(random_state=0)}
    with parallel_config("threading"), pytest.raises(KeyboardInterrupt):
        run(models, n_jobs=n_jobs)
    Interrupted.over.set()
    kept = {path.name: path.read_text() for path in cache.glob("*.json")}
    assert len(kept) <= 3, "not the fourth"
    if n_jobs == 1:
        assert (len(kept), len(Interrupted.starts)) == (3, 4)
    monkeypatch.setattr(Interrupted, "where", "nowhere")
    monkeypatch.setattr(Interrupted, "starts", [])
    results = run(models)
    if n_jobs == 1:  # or else other fits of before may count too
        assert len(Interrupted.starts) == 3
    assert len(list(cache.glob("*.json"))) == 6
    assert_array_equal(results[SCORES], run(models, cache=None)[SCORES])
    for name, text in kept.items():
        assert (cache / name).read_text() == text


def test_a_cache_needs_a_seed(study):
    run, _, _ = study
    with pytest.raises(ValueError, match="random_state=None, but a study with a cache"):
        run(random_state=None)


def test_an_estimator_without_a_hash_is_not_cached(recorder, study):
    run, _, _ = study
    with pytest.raises(ValueError, match="'local' cannot be pickled"):
        run({"local": recorder(lambda: None)})
