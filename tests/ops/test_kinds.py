import pytest

from tests.support.kinds import KINDS, TESTS, kind_of


@pytest.mark.parametrize(
    ("folder", "parameters", "kind"),
    [
        ("unit", {}, None),
        ("services", {"database_kind": "sqlite"}, None),
        ("services", {"database_kind": "postgresql"}, "process"),
        ("crash", {"database_kind": "postgresql"}, "crash"),
        ("browser", {}, "browser"),
    ],
)
def test_the_kind_of_a_test(folder: str, parameters: dict[str, object], kind: str | None) -> None:
    assert kind_of(folder, parameters) == kind


def test_the_folders_exist() -> None:
    assert [folder for folder in KINDS if not (TESTS / folder).is_dir()] == []


def test_a_test_is_marked_by_its_folder(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("process")
