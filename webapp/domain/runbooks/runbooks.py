"""Which runbook fits an incident: by its indicator types, severity and platform."""

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.domain.incident import Incident, Severity, parse_word
from webapp.domain.triage.incident_kinds import kind_words

PLATFORMS = {
    "windows": "Windows",
    "darwin": "macOS",
    "linux": "Linux",
    "microsoft_365": "Microsoft 365",
    "google": "Google Workspace",
    "email_security": "Email security",
    "other": "Other",
}
"""Huntress's words for where an incident happened; the list is open: others may come."""


@dataclass(frozen=True, slots=True)
class RunbookFacts:
    """What of an incident decides about its runbook, in words of Huntress in lower case."""

    kinds: frozenset[str]
    severity: str
    platform: str | None


@dataclass(frozen=True, slots=True)
class RunbookRule:
    """The conditions of an active runbook; an empty set fits everything.

    Of the kinds, one that the incident has is enough.
    """

    id: int
    position: int
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()

    @property
    def conditions(self) -> int:
        """How many of the three conditions it sets."""
        return bool(self.kinds) + bool(self.severities) + bool(self.platforms)

    def fits(self, facts: RunbookFacts) -> bool:
        """Whether all of its conditions are met."""
        return (
            (not self.kinds or not self.kinds.isdisjoint(facts.kinds))
            and (not self.severities or facts.severity in self.severities)
            and (not self.platforms or facts.platform in self.platforms)
        )


def runbook_facts(incident: Incident) -> RunbookFacts:
    """What decides about the runbook of `incident`; an unknown severity counts as high."""
    severity = incident.severity
    kinds = (parse_word(name) for name, _ in incident.indicators)
    return RunbookFacts(
        kinds=frozenset(kind for kind in kinds if kind),
        severity=Severity.HIGH if severity is Severity.UNKNOWN else severity,
        platform=parse_word(incident.platform),
    )


def choose_runbook(rules: Iterable[RunbookRule], facts: RunbookFacts) -> RunbookRule | None:
    """The rule that fits best, or None where none does.

    That is the one with the most conditions; among equals, the one that stands higher in the order.
    """
    fitting = [rule for rule in rules if rule.fits(facts)]
    return min(fitting, key=lambda rule: (-rule.conditions, rule.position, rule.id), default=None)


def condition_words(
    kinds: Iterable[str], severities: Iterable[str], platforms: Iterable[str]
) -> str:
    """The conditions of a runbook in words, such as `Footholds · Linux` or `Any incident`."""
    parts = (
        ", ".join(kind_words(one) for one in kinds),
        _severity_words(list(severities)),
        ", ".join(PLATFORMS.get(one, one) for one in platforms),
    )
    return " · ".join(part for part in parts if part) or "Any incident"


def _severity_words(severities: list[str]) -> str:
    known = {severity for severity in Severity if severity is not Severity.UNKNOWN}
    return "every severity" if known <= set(severities) else ", ".join(severities)
