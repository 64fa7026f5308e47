"""The registry of integrations that Triagedesk can be connected to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

HUNTRESS = "huntress"
ENTERPRISE_ONLY = "The Huntress security integration is an Enterprise feature."


class IntegrationCategory(StrEnum):
    """The categories of the Integrations page, in the order of the page."""

    SECURITY = "Security"
    MONITORING = "Monitoring"
    DOCUMENTATION = "Documentation"


@dataclass(frozen=True, slots=True)
class Provider:
    """One integration; `editions` are those that it is part of, and `symbol` names an icon."""

    key: str
    title: str
    description: str
    category: IntegrationCategory
    capabilities: tuple[str, ...]
    editions: frozenset[str]
    symbol: str

    @property
    def badge(self) -> str:
        """The editions that the integration is part of, in words."""
        return ", ".join(sorted(edition.capitalize() for edition in self.editions))


PROVIDERS = (
    Provider(
        key=HUNTRESS,
        title="Huntress",
        description="Every incident report that needs work becomes exactly one ticket with the "
        "right client, priority and board, or lands visibly on the triage board.",
        category=IntegrationCategory.SECURITY,
        capabilities=(
            "Incident reports become tickets",
            "Organizations are mapped to clients",
            "Updates, closings and reopenings are noted",
            "Read only: nothing is written to Huntress",
        ),
        editions=frozenset({"enterprise"}),
        symbol="shield-check",
    ),
)


def has_provider(edition: str, key: str, providers: Iterable[Provider] = PROVIDERS) -> bool:
    """Whether the integration `key` is part of `edition`."""
    return any(one.key == key and edition in one.editions for one in providers)


def providers_by_category(
    providers: Iterable[Provider] = PROVIDERS,
) -> list[tuple[IntegrationCategory, list[Provider]]]:
    """Return the providers by category, sorted by title; empty categories are left out."""
    known = sorted(providers, key=lambda provider: provider.title.casefold())
    groups = [
        (category, [provider for provider in known if provider.category is category])
        for category in IntegrationCategory
    ]
    return [(category, members) for category, members in groups if members]
