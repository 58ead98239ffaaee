"""Deep generative models for partly labelled data, as scikit-learn estimators."""

from skfmvae.estimators import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE

__all__ = ["FactorialMixtureVAE", "SemafoVAE", "SemiSupervisedVAE"]
