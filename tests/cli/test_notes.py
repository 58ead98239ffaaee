"""Warnings as lines for the user."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning

from skfmvae.cli.notes import collected_warnings, shorten_traceback

FAILURE = """\
'NB' failed with 10 labels, repeat 0, fold {fold}:
Traceback (most recent call last):
  File "nb.py", line 1, in fit
    raise KeyError
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "nb.py", line 2, in fit
sklearn.utils.InvalidError: no {what}
"""


def test_warnings_are_counted_and_failures_stand_apart():
    with collected_warnings() as notes:
        for fold in range(3):
            failure = FAILURE.format(fold=fold, what="numbers")
            warnings.warn(failure, FitFailedWarning, stacklevel=1)
            warnings.warn("few labels\nin this fold", UserWarning, stacklevel=1)
        failure = FAILURE.format(fold=3, what="rows")
        warnings.warn(failure, FitFailedWarning, stacklevel=1)
        warnings.warn("more steps", ConvergenceWarning, stacklevel=1)
    assert notes.warnings == ["few labels (3 times)", "ConvergenceWarning: more steps"]
    assert notes.failures == [
        "'NB' failed: sklearn.utils.InvalidError: no numbers (3 times)",
        "'NB' failed: sklearn.utils.InvalidError: no rows",
    ]


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_warnings_for_developers_are_left_out(category):
    with collected_warnings() as notes:
        warnings.warn("old", category, stacklevel=1)
    assert notes.warnings == notes.failures == []


def test_errors_pass_through():
    with pytest.raises(ValueError, match="mine"), collected_warnings():
        raise ValueError("mine")


def test_tracebacks_are_shortened():
    message = FAILURE.format(fold=0, what="numbers")
    assert shorten_traceback(message) == (
        "'NB' failed with 10 labels, repeat 0, fold 0: "
        "sklearn.utils.InvalidError: no numbers"
    )
    assert shorten_traceback("one line") == "one line"
