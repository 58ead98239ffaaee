"""The estimators and the settings that only one of them takes."""

from .factorial_mixture import FactorialMixtureVAE, Mixture

__all__ = ["FactorialMixtureVAE", "Mixture"]
