"""Sphinx configuration."""

from __future__ import annotations

from importlib.metadata import version as installed_version

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
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "separated"
