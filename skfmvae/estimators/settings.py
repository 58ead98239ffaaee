"""Parameters that stand for settings: words, None, and the objects themselves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from sklearn.base import BaseEstimator

from .checks import check_object

__all__ = ["SettingsMixin", "check_settings", "settings_of"]


class SettingsMixin(BaseEstimator):
    """Let a word or None stand for settings, and reach their parameters by name."""

    # By parameter, the class of settings that a short value stands for; where short
    # values are of one type, they are the first argument.
    _defaults: Mapping[str, Mapping[Any, type]] = {}

    def set_params(self, **params: Any):
        """Set parameters, those of settings by names such as ``kl__warmup``.

        A word that stands for default settings, such as ``neighbours="graph"``, gives
        way to these where one of theirs is set.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or settings that are off are to be changed.
        """
        known = self.get_params(deep=False)
        for key in params:
            name, is_nested, _ = key.partition("__")
            if not is_nested or name not in known:
                continue
            value = params.get(name, known[name])
            settings = self._settings(name, value)
            if not hasattr(settings, "set_params"):
                raise ValueError(self._no_settings(name, value, key))
            params = params | {name: settings}
        try:
            return super().set_params(**params)
        except AttributeError as error:  # of a word or None within settings
            raise ValueError(
                f"{', '.join(params)} cannot be set: {error}. What is to have "
                "parameters of its own has to be an object first."
            ) from error

    def _settings(self, name, value):
        """Return the settings that a value of a parameter stands for, or the value."""
        if not isinstance(value, Hashable):
            return value
        defaults = self._defaults.get(name, {})
        if value in defaults:
            return defaults[value]()
        for kind, make in defaults.items():
            if isinstance(kind, type) and isinstance(value, kind):
                return make(value)
        return value

    def _no_settings(self, name, value, key):
        parameter = key.split("__")[1]
        defaults = (make() for make in self._defaults.get(name, {}).values())
        having = [settings for settings in defaults if hasattr(settings, parameter)]
        message = f"{key} cannot be set: {name}={value!r} has no parameters of its own."
        if having:
            message += f" Set it to an object first: {name}={having[0]!r}."
        return message


def settings_of(estimator, name: str) -> Any:
    """Return the settings that a parameter of an estimator stands for.

    Parameters
    ----------
    estimator : SettingsMixin
        The estimator.
    name : str
        Name of the parameter.

    Returns
    -------
    settings : object
        The value itself where no settings stand behind it.
    """
    return estimator._settings(name, getattr(estimator, name))


def check_settings(estimator) -> None:
    """Check the parameters of all settings of an estimator.

    Parameters
    ----------
    estimator : SettingsMixin
        The estimator.

    Raises
    ------
    ValueError
        If settings are a class, or one of their parameters is out of range.
    """
    for name, value in estimator.get_params(deep=False).items():
        for settings in value if isinstance(value, list) else [value]:
            if hasattr(settings, "_parameter_constraints"):
                check_object(name, settings)
                settings._validate_params()
