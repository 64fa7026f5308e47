"""What a test needs beside Python, by the folder it stands in: a marker, by which it is left out.

`make quick` runs what has none. The hook is imported by conftest.py.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
KINDS = {
    "browser": "browser",
    "crash": "crash",
    "faults": "crash",
    "jobs": "process",
    "migrations": "process",
    "model": "model",
    "ops": "process",
}
WAITING = ("browser", "crash", "model")


def kind_of(folder: str, parameters: dict[str, object]) -> str | None:
    """The marker of a test: by its folder; a PostgreSQL server is a process too."""
    on_postgresql = parameters.get("database_kind") == "postgresql"
    return KINDS.get(folder) or ("process" if on_postgresql else None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its kind; those that mostly wait come first, so that none is the last.

    Several test processes share the list: one begins with these, while others compute.
    """
    for item in items:
        callspec = getattr(item, "callspec", None)
        folder = item.path.relative_to(TESTS).parts[0]
        kind = kind_of(folder, callspec.params if callspec else {})
        if kind is not None:
            item.add_marker(kind)
    items.sort(key=lambda item: not any(item.get_closest_marker(kind) for kind in WAITING))
