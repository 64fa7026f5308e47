"""Rooms: which areas there are, who stands on whom, and how large a folder may grow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, Module, all_imports, as_module, modules

AREAS = (
    "people",
    "keys",
    "audit_trail",
    "desk",
    "on_call",
    "notices",
    "tickets",
    "calls",
    "mapping",
    "schedule",
    "polling",
    "proof",
    "connections",
    "recovery",
    "retention",
    "watch",
    "operations",
)
"""The areas of the services, from the ground up: each imports those before it, never back."""

PAGES_OF_THE_DESK = {"clients", "settings"}
"""What the area `desk` is called where people meet it."""

WITHOUT_PAGES = {"audit_trail", "calls", "keys", "proof", "schedule", "watch"}
LARGEST_FOLDER = 30


def area_of(name: str) -> str:
    """The area of a service by dotted name; empty for what all areas share."""
    parts = name.split(".")
    is_in_area = parts[:2] == ["webapp", "services"] and len(parts) > 3
    return parts[2] if is_in_area else ""


def services() -> list[Module]:
    return [module for module in modules().values() if module.layer == "services"]


def imported_areas(module: Module) -> Iterator[tuple[str, str]]:
    for node, name in all_imports(module):
        area = area_of(as_module(name))
        if area:
            yield module.where(node), area


def test_every_service_lives_in_an_area_or_is_shared() -> None:
    assert {area_of(module.name) for module in services()} == {*AREAS, ""}


@pytest.mark.parametrize("area", AREAS)
def test_an_area_imports_the_areas_below_it_and_never_back(area: str) -> None:
    allowed = AREAS[: AREAS.index(area) + 1]
    broken = [
        f"{place} imports {other}"
        for module in services()
        if area_of(module.name) == area
        for place, other in imported_areas(module)
        if other not in allowed
    ]
    assert not broken


def test_what_all_areas_share_knows_none_of_them() -> None:
    broken = [
        f"{place} imports {other}"
        for module in services()
        if area_of(module.name) == "" and module.name != "webapp.services"
        for place, other in imported_areas(module)
    ]
    assert not broken


@pytest.mark.parametrize("folder", ["webapp/web", "webapp/templates", "tests/web"])
def test_pages_and_their_tests_use_the_words_of_the_areas(folder: str) -> None:
    pages = (set(AREAS) - WITHOUT_PAGES - {"desk"}) | PAGES_OF_THE_DESK
    shared = {"components", "csv_import", "errors"} if folder.endswith("templates") else set()
    assert folders_in(ROOT / folder) == pages | shared


def test_tests_of_services_use_the_words_of_the_areas() -> None:
    assert folders_in(ROOT / "tests/services") == set(AREAS)


def folders_in(folder: Path) -> set[str]:
    """The names of the folders with files in them."""
    return {
        path.name
        for path in folder.iterdir()
        if path.name != "__pycache__" and any(one.is_file() for one in path.glob("*.*"))
    }


@pytest.mark.parametrize("root", ["webapp", "tests", "bench"])
def test_no_folder_is_a_hall(root: str) -> None:
    folders = [ROOT / root, *(path for path in (ROOT / root).rglob("*") if path.is_dir())]
    counts = {
        str(folder.relative_to(ROOT)): sum(1 for _ in folder.glob("*.py")) for folder in folders
    }
    assert {folder: n for folder, n in counts.items() if n > LARGEST_FOLDER} == {}
