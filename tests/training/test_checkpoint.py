"""The files of fits that can go on, without a fit."""

import os

import numpy as np
import pytest
import torch

from skfmvae.training import Checkpoint, CheckpointFolder, opened_folder

ABOUT = {"lr": "0.01", "X": "(3, 2) 5e"}


@pytest.fixture
def open_folder(tmp_path):
    """Return a function that opens the same folder for a fit."""

    def opened(about=ABOUT, seed=0, every=1):
        settings = Checkpoint(tmp_path, every=every)
        return CheckpointFolder(settings, about, np.random.RandomState(seed))

    return opened


def state(epoch):
    return {"weights": torch.arange(5.0) + epoch, "epoch": epoch, "names": ["a", None]}


def test_a_state_comes_back_in_the_folder_of_the_same_fit(open_folder, tmp_path):
    first = open_folder(every=3)
    assert first.file("main").every == 3
    for name in ("main", "refit-0"):
        assert first.file(name).load() is None
        first.file(name).save(state(1))
    first.file("main").save(state(2))
    found = open_folder().file("main").load()
    assert torch.equal(found.pop("weights"), state(2)["weights"])
    assert found == {"epoch": 2, "names": ["a", None]}
    assert open_folder().file("refit-0").load()["epoch"] == 1
    assert sorted(os.listdir(tmp_path)) == ["main.pt", "refit-0.pt"]


def test_all_files_of_a_complete_fit_are_removed(open_folder, tmp_path, monkeypatch):
    (tmp_path / "main.txt").write_text("of somebody else")
    folder = open_folder()
    for name in ("main", "refit-0", "refit-1"):
        folder.file(name).save(state(1))
    (tmp_path / "refit-1.tmp").write_bytes(b"a half")
    removed = []
    for file in folder.files.values():
        monkeypatch.setattr(
            file, "remove", lambda f=file, r=file.remove: (removed.append(f), r())
        )
    folder.clear()
    assert os.listdir(tmp_path) == ["main.txt"]
    assert removed[-1] is folder.file("main")  # which names the fit of the others


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_writing_that_breaks_off_leaves_the_state_before(
    open_folder, monkeypatch, function
):
    file = open_folder().file("main")
    file.save(state(1))

    def fail(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match="No space"):
            file.save(state(2))
    assert open_folder().file("main").load()["epoch"] == 1
    file.save(state(3))
    assert open_folder().file("main").load()["epoch"] == 3


def test_no_bit_of_a_file_changes_unseen(open_folder, tmp_path):
    open_folder().file("main").save(state(1))
    path = tmp_path / "main.pt"
    content = path.read_bytes()
    places = np.linspace(0, len(content) - 1, 50).astype(int)
    damaged = [content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :] for i in places]
    for wrong in [*damaged, content[:-1], b""]:
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"main.pt' is damaged.*delete it"):
            open_folder()
    path.write_bytes(content)
    assert open_folder().file("main").load()["epoch"] == 1


def test_no_code_is_run(open_folder):
    class Evil:
        def __reduce__(self):
            return os.system, ("false",)

    open_folder().file("main").save({"evil": Evil()})
    with pytest.raises(Exception, match="Weights only load failed"):
        open_folder()


def test_what_differs_is_named(open_folder):
    open_folder().file("main").save(state(1))
    other = {"lr": "0.02", "X": "(3, 2) 5e", "momentum": "0.9"}
    with pytest.raises(ValueError, match="holds a fit with lr=0.01") as error:
        open_folder(other)
    assert "lr=0.01, now lr=0.02; momentum=None, now momentum=0.9" in str(error.value)
    assert "X=" not in str(error.value)


def test_files_of_a_fit_that_is_gone_do_not_count(open_folder, tmp_path):
    """As where a user has deleted the first of them."""
    folder = open_folder()
    for name in ("main", "refit-0"):
        folder.file(name).save(state(1))
    (tmp_path / "main.pt").unlink()
    for params in ({"about": ABOUT | {"lr": "0.02"}}, {"seed": 1}):
        assert open_folder(**params).file("refit-0").load() is None


@pytest.mark.parametrize("generator", [np.random.MT19937, np.random.PCG64])
def test_the_random_state_of_the_start_is_taken_up(tmp_path, generator):
    first, second = (np.random.RandomState(generator(seed)) for seed in (0, 1))
    first.normal()  # so that half of a pair of draws is left
    before = first.get_state(legacy=False)
    CheckpointFolder(Checkpoint(tmp_path), ABOUT, first).file("main").save(state(1))
    first.normal(size=7)
    CheckpointFolder(Checkpoint(tmp_path), ABOUT, second)
    first.set_state(before)
    np.testing.assert_array_equal(second.normal(size=9), first.normal(size=9))


def test_a_folder_serves_one_fit_at_a_time(tmp_path):
    settings = Checkpoint(str(tmp_path / "deep" / "fit"))
    random_state = np.random.RandomState(0)
    with opened_folder(settings, ABOUT, random_state):
        with pytest.raises(ValueError, match="Another fit is running"):
            with opened_folder(settings, ABOUT, random_state):
                pass
    with pytest.raises(KeyError), opened_folder(settings, ABOUT, random_state):
        raise KeyError
    with opened_folder(settings, ABOUT, random_state) as folder:
        folder.file("main").save(state(1))
