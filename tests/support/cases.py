"""The worked examples in `tests/cases`."""

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent.parent / "cases"


def load_cases(name: str) -> dict[str, Any]:
    """The whole file `name`.json."""
    cases: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return cases


def by_name(cases: list[dict[str, Any]]) -> list[Any]:
    """Parameters, one for each case, with its name as the test's id."""
    return [pytest.param(case, id=case["name"]) for case in cases]
