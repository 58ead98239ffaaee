"""How Sphinx builds the documentation."""

import importlib.metadata

project = "skfmvae"
author = "the skfmvae developers"
copyright = "2026, the skfmvae developers"
release = importlib.metadata.version("skfmvae")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
templates_path = ["_templates"]
html_theme = "alabaster"
html_theme_options = {"description": "Partly labelled data, scikit-learn's way"}

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# The API pages are generated from what each module's __all__ lists.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # types are in the docstrings
numpydoc_show_class_members = False


def skip_inherited_from_others(app, what, name, obj, skip, options):
    """Leave out what classes inherit from libraries with documentation of their own."""
    module = getattr(obj, "__module__", None) or project
    return skip or not module.startswith(project)


def setup(app):
    """Connect the above to Sphinx."""
    app.connect("autodoc-skip-member", skip_inherited_from_others)
