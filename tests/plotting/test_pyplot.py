"""Matplotlib is imported by displays alone."""

import importlib
import sys

# What all displays share --------------------------------------------------------------


def test_the_module_is_imported_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("skfmvae.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module("skfmvae.plotting").__all__
