# Configuration of the documentation site: `make docs` builds it without a network.

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "plastodyn"
author = "The plastodyn developers"
copyright = "The plastodyn developers"
version = release = installed_version("plastodyn")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "site_parts.extension"]
exclude_patterns = ["_build", "gallery_data"]

# Notebooks are run once and again only after their cells change.
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
# What a page shows on standard error is a warning or a bar: neither is for its readers.
nb_output_stderr = "error"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

templates_path = ["_templates"]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = False
default_role = "literal"
# Curved quotes and dots, but no dashes: two hyphens are the beginning of an option.
smartquotes_action = "qe"

html_theme = "furo"
html_title = f"plastodyn {release}"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]


def _quote_norms(*event):
    # Docstrings write norms as |dc|, which reStructuredText takes for a substitution unless it is literal text.
    lines = event[-1]
    parts = re.split(r"(``.*?``)", "\n".join(lines), flags=re.DOTALL)
    parts[::2] = [re.sub(r"\|[\w~ -]+\|(?:\*|\^\d)?", r"``\g<0>``", part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def _skip_tuple_fields(*event):
    # Fields of named tuples without documentation of their own say only "Alias for field number 0".
    documentation = str(getattr(event[3], "__doc__", ""))
    return True if documentation.startswith("Alias for field number") else None


def setup(app):
    app.connect("autodoc-process-docstring", _quote_norms)
    app.connect("autodoc-skip-member", _skip_tuple_fields)
