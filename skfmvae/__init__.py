"""Deep generative models for partly labelled data, as scikit-learn estimators."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfmvae.estimators import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE

__all__ = ["FactorialMixtureVAE", "SemafoVAE", "SemiSupervisedVAE"]


def __getattr__(name: str) -> Any:
    """Import the estimators when one is asked for.

    Importing PyTorch takes seconds, in which the command line has to be able to end at
    an interrupt.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import skfmvae.estimators

    return getattr(skfmvae.estimators, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
