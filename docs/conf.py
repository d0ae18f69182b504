"""Sphinx configuration."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "hepml"
author = "the hepml developers"
copyright = f"2026, {author}"
release = installed_version("hepml-framework")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"hepml {release}"
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# numpydoc sections; attributes as fields, because the members of a dataclass are documented on their own as well
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# napoleon looks every word of a type up, as "name" of "(name, expression)": several classes have an attribute of that name
suppress_warnings = ["ref.python"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "separated"

# scikit-learn adds these to every estimator, with references to its own pages
NOT_OURS = {"get_metadata_routing", "set_fit_request", "set_predict_request", "set_score_request"}


def setup(app: Sphinx) -> None:
    """Leave out of the API pages what is not ours."""
    app.connect("autodoc-skip-member", lambda _app, _what, name, *_rest: True if name in NOT_OURS else None)
