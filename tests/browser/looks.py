"""How pages are looked at: `make test` shows them wide and light, `make soak` narrow and dark too.

Each page takes axe a second in each look.
"""

from typing import Literal

import pytest

Look = tuple[Literal["light", "dark"], int]

WIDE: Look = ("light", 1440)
NARROW: Look = ("dark", 390)

in_each_look = pytest.mark.parametrize(
    ("scheme", "width"), [WIDE, pytest.param(*NARROW, marks=pytest.mark.soak)]
)
"""Runs a test with a colour scheme and a width in pixels."""

in_each_scheme = pytest.mark.parametrize(
    "scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)]
)
"""Runs a test with a colour scheme."""
