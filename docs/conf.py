"""Settings of the documentation: Sphinx, MyST for the pages, furo for their looks. `make docs` builds it, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

from refeed.version import __version__

sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))

project = "refeed"
author = "the refeed maintainers"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "command_reference",
    "public_names",
]
exclude_patterns = ["_build"]
nitpicky = True  # a name in backticks that looks public but is not there is a warning
nitpick_ignore_regex = [("py:(class|exc)", ".*")]  # types of other libraries, and refeed's private ones
smartquotes = False  # quotes in options and messages stay as they are typed
default_role = "code"  # docstrings write `name` with single backticks

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "refeed"
html_static_path = ["_static"]
html_css_files = ["refeed.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0068a3"},
    "dark_css_variables": {"color-brand-primary": "#4ba3e0", "color-brand-content": "#63b0e6"},
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
