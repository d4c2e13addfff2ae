"""Settings of Sphinx; ``make docs`` builds the pages."""

from __future__ import annotations

import sys
from pathlib import Path

import sphinx_autosummary_accessors

import qsiparc

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "qsiparc"
author = "the qsiparc developers"
version = release = qsiparc.__version__
html_title = f"qsiparc {release}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_autosummary_accessors",
    "sphinx_copybutton",
]
templates_path = ["_templates", sphinx_autosummary_accessors.templates_path]
exclude_patterns = ["_build", "reference/generated/_*.md"]

html_theme = "furo"
html_static_path = ["_static"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say types, with shapes and units
autodoc_member_order = "bysource"
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Warns", "params_style")]
myst_heading_anchors = 3


def setup(_: object) -> None:
    """Write the tables that the pages include."""
    from tables import write_tables

    write_tables(HERE / "reference/generated")
