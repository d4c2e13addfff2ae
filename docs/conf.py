"""Settings of Sphinx; ``make docs`` builds the pages."""

from __future__ import annotations

import os
import shutil
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
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_autosummary_accessors",
    "sphinx_click",
    "sphinx_copybutton",
]
templates_path = ["_templates", sphinx_autosummary_accessors.templates_path]
exclude_patterns = ["_build", "jupyter_execute", "reference/generated/_*.md"]

# Notebooks are stored without outputs, and run when the pages are built: those that have changed.
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
os.environ["TQDM_DISABLE"] = "1"  # a bar that is full says nothing on a page

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_copyright = False

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say types, with shapes and units
autodoc_member_order = "bysource"
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Warns", "params_style")]
myst_heading_anchors = 3


def setup(_: object) -> None:
    """Write the tables that the pages include, and fetch the notebooks, which lie beside them."""
    from tables import write_tables

    shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)
    write_tables(HERE / "reference/generated")
