"""Deep generative models for partly labelled data, as scikit-learn estimators."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfmvae.estimators import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE

__all__ = ["FactorialMixtureVAE", "SemafoVAE", "SemiSupervisedVAE"]


def __getattr__(name: str) -> Any:
    """Import an estimator, or a module, when it is asked for.

    Importing PyTorch takes seconds, in which the command line has to be able to end at
    an interrupt.
    """
    if name in __all__:
        return getattr(import_module("skfmvae.estimators"), name)
    if not name.startswith("_") and find_spec(f"skfmvae.{name}"):
        return import_module(f"skfmvae.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
