"""What a test needs beside Python, by the folder it stands in: markers that leave tests out.

`make quick` runs what has none of them. The hook is imported by conftest.py.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
KINDS = {
    "browser": "browser",
    "crash": "crash",
    "jobs": "process",
    "migrations": "process",
    "model": "model",
    "ops": "process",
}


def kind_of(folder: str, parameters: dict[str, object]) -> str | None:
    """The marker of a test: by its folder; a PostgreSQL server is a process too."""
    on_postgresql = parameters.get("database_kind") == "postgresql"
    return KINDS.get(folder) or ("process" if on_postgresql else None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its kind."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        folder = item.path.relative_to(TESTS).parts[0]
        kind = kind_of(folder, callspec.params if callspec else {})
        if kind is not None:
            item.add_marker(kind)
