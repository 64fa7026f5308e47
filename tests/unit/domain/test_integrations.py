"""The registry of integrations."""

from dataclasses import replace

from webapp.domain.integrations import PROVIDERS, IntegrationCategory, providers_by_category


def test_huntress_stands_under_security() -> None:
    [(category, [huntress])] = providers_by_category()
    assert (category, huntress.key) == (IntegrationCategory.SECURITY, "huntress")
    assert huntress.badge == "Enterprise"
    assert huntress.capabilities


def test_empty_categories_are_left_out_and_titles_are_sorted() -> None:
    first = PROVIDERS[0]
    others = [
        replace(first, key="b", title="beta", category=IntegrationCategory.DOCUMENTATION),
        replace(first, key="a", title="Alpha", category=IntegrationCategory.DOCUMENTATION),
    ]
    groups = providers_by_category([*others, first])
    assert [(category.value, [one.key for one in members]) for category, members in groups] == [
        ("Security", ["huntress"]),
        ("Documentation", ["a", "b"]),
    ]


def test_nothing_registered_means_no_category() -> None:
    assert providers_by_category([]) == []
