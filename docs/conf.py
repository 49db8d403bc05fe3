"""The site: the guides, and the API reference from the docstrings; `make docs`."""
import re

import tgan_chainer

project = 'tgan_chainer'
author = 'The tgan_chainer authors'
version = release = tgan_chainer.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
myst_heading_anchors = 3    # links such as data.md#ucf-101, as repositories show them
autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_member_order = 'bysource'
default_role = 'code'    # the docstrings' `x` and ``x`` are both code
html_theme = 'alabaster'
html_theme_options = {'page_width': '64em', 'sidebar_width': '16em'}

extensions += ['sphinx.ext.apidoc']
apidoc_modules = [{
    'path': '../tgan_chainer', 'destination': 'api', 'separate_modules': True,
    'module_first': True, 'include_private': False}]
exclude_patterns = ['api/modules.rst']
napoleon_use_ivar = True    # autodoc documents the annotated ones itself
autodoc_default_options['ignore-module-all'] = True    # what a package re-exports has its own page
autodoc_inherit_docstrings = False    # Chainer's refer to Chainer's own documentation


# Stands for the colon in the docstring of a constant, before which Napoleon would see a type.
_COLON = '\ue000'


def hide_colons(app, what, name, obj, options, lines):
    """Before Napoleon: a constant's docstring has no types."""
    if what in ('attribute', 'data'):
        lines[:] = [line.replace(': ', _COLON + ' ') for line in lines]


def escape(app, what, name, obj, options, lines):
    """After Napoleon: docstrings may write shapes and magnitudes as (N, *size) and |m|."""
    # A bullet stays one.
    lines[:] = [re.sub(r'[*|](?! )|(?<=\S)[*|]', r'\\\g<0>', line).replace(_COLON, ':')
                for line in lines]


def setup(app):
    """Connect both to what autodoc reads."""
    app.connect('autodoc-process-docstring', hide_colons, priority=100)
    app.connect('autodoc-process-docstring', escape, priority=900)
