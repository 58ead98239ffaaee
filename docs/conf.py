"""How Sphinx builds the documentation."""

import importlib.metadata

from numpydoc.xref import DEFAULT_LINKS

project = "skfmvae"
author = "the skfmvae developers"
copyright = "2026, the skfmvae developers"
release = importlib.metadata.version("skfmvae")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",  # formulas need no internet
]
templates_path = ["_templates"]

# Pages --------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}
html_title = "skfmvae"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_sidebars = {"start": []}  # it has no neighbours
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Printed results are read, not copied.
copybutton_selector = "div:not(.highlight-text, .highlight-none) > .highlight > pre"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# The API pages are generated from what each module's __all__ lists --------------------

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # types are in the docstrings
numpydoc_show_class_members = False
python_maximum_signature_line_length = 72
toc_object_entries_show_parents = "hide"

# Links to other libraries -------------------------------------------------------------

numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but for the names below
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | {
    "DataFrame": "pandas.DataFrame",
    "Generator": "torch.Generator",
    "Module": "torch.nn.Module",
    "RandomState": "numpy.random.RandomState",
    "Tensor": "torch.Tensor",
    "ndarray": "numpy.ndarray",
}
# Without internet the names in the files below are linked, and nothing else is lost.
intersphinx_mapping = {
    name: (url, (None, f"inventories/{name}.inv"))
    for name, url in {
        "joblib": "https://joblib.readthedocs.io/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "skorch": "https://skorch.readthedocs.io/en/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}
intersphinx_timeout = 5  # seconds

# Examples -----------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "capture_repr": ("_repr_html_",),
    "remove_config_comments": True,
    "backreferences_dir": "generated/backreferences",  # pictures on the API pages
    "doc_module": "skfmvae",
    "reference_url": {"skfmvae": None},  # ours, not of another site
    "download_all_examples": False,
    "parallel": 2,
    "min_reported_time": 0,
    "show_memory": False,
    "write_computation_times": False,  # its page loads scripts from the internet
}


def skip_inherited_from_others(app, what, name, obj, skip, options):
    """Leave out what classes inherit from libraries with documentation of their own."""
    module = getattr(obj, "__module__", None) or project
    return skip or not module.startswith(project)


def setup(app):
    """Connect the above to Sphinx."""
    app.connect("autodoc-skip-member", skip_inherited_from_others)
