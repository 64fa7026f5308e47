"""The kinds of targets as data: what their forms ask for, and how much each may be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a target is; the value is what `triagedesk target add --kind` takes."""

    EMAIL = "email"
    TEAMS = "teams"
    SLACK = "slack"
    NTFY = "ntfy"
    PAGERDUTY = "pagerduty"
    PUSHOVER = "pushover"
    SMS = "sms"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class KindSetting:
    """A field of a kind's form; a secret one is stored encrypted and never shown again."""

    name: str
    label: str
    is_secret: bool = False
    is_required: bool = True
    placeholder: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages within `span`; more become one notice (see `bundling`)."""

    count: int
    span: timedelta


@dataclass(frozen=True, slots=True)
class TargetKind:
    """What is particular about a kind.

    `is_personal` says that it can be a person's contact method. `is_machine` says that it gets
    every event singly and is never bundled or limited. One that `takes_all` gets it at once,
    whatever the hours, and each ticket of a first poll. `main` is the setting that
    `target add --url` or `--to` gives. `borrowed` names the settings that a person does not know:
    a contact method takes them from a target of the team.
    """

    label: str
    settings: Sequence[KindSetting]
    main: str
    limits: Sequence[Limit] = ()
    is_personal: bool = False
    is_machine: bool = False
    takes_all: bool = False
    borrowed: Sequence[str] = ()

    @property
    def own_settings(self) -> Sequence[KindSetting]:
        """The settings that a person enters for a contact method."""
        return [one for one in self.settings if one.name not in self.borrowed]


def _limits(*pairs: tuple[int, int]) -> tuple[Limit, ...]:
    return tuple(Limit(count, timedelta(minutes=minutes)) for count, minutes in pairs)


KINDS: Mapping[Kind, TargetKind] = {
    Kind.EMAIL: TargetKind(
        "Email",
        (KindSetting("to", "Address", placeholder="soc@example.com"),),
        main="to",
        limits=_limits((5, 1), (20, 15), (60, 60)),
        is_personal=True,
    ),
    Kind.TEAMS: TargetKind(
        "Microsoft Teams",
        (
            KindSetting(
                "url",
                "Workflow address",
                is_secret=True,
                placeholder="https://….logic.azure.com/workflows/…",
                help="In Teams: channel → Workflows → Post to a channel when a webhook request is"
                " received.",
            ),
        ),
        main="url",
        limits=_limits((5, 1), (20, 15), (60, 60)),
    ),
    Kind.SLACK: TargetKind(
        "Slack",
        (
            KindSetting(
                "url",
                "Webhook address",
                is_secret=True,
                placeholder="https://hooks.slack.com/services/…",
                help="In Slack: an app of yours → Incoming Webhooks → Add New Webhook.",
            ),
        ),
        main="url",
        limits=_limits((5, 1), (20, 15), (60, 60)),
    ),
    Kind.NTFY: TargetKind(
        "ntfy",
        (
            KindSetting(
                "url",
                "Topic address",
                is_secret=True,
                placeholder="https://ntfy.sh/a-secret-topic",
                help="Whoever knows the topic can read what is sent there.",
            ),
            KindSetting("token", "Access token", is_secret=True, is_required=False),
        ),
        main="url",
        limits=_limits((3, 1), (10, 15), (30, 60)),
        is_personal=True,
    ),
    Kind.PAGERDUTY: TargetKind(
        "PagerDuty",
        (
            KindSetting(
                "key",
                "Integration key",
                is_secret=True,
                help="In PagerDuty: the service → Integrations → Events API v2.",
            ),
            KindSetting(
                "url",
                "Events address",
                is_required=False,
                placeholder="https://events.pagerduty.com",
                help="Only for accounts in the EU: https://events.eu.pagerduty.com",
            ),
        ),
        main="url",
        is_machine=True,
    ),
    Kind.PUSHOVER: TargetKind(
        "Pushover",
        (
            KindSetting("user", "User key"),
            KindSetting("token", "Application token", is_secret=True),
        ),
        main="user",
        limits=_limits((3, 1), (10, 15), (30, 60)),
        is_personal=True,
        borrowed=("token",),
    ),
    Kind.SMS: TargetKind(
        "SMS (Twilio)",
        (
            KindSetting("to", "Phone number", placeholder="+14155550123"),
            KindSetting("from", "Sent from", placeholder="+14155550100"),
            KindSetting("account", "Account SID", placeholder="AC…"),
            KindSetting("token", "Auth token", is_secret=True),
        ),
        main="to",
        limits=_limits((1, 1), (5, 15), (11, 60), (21, 180)),
        is_personal=True,
        borrowed=("from", "account", "token"),
    ),
    Kind.WEBHOOK: TargetKind(
        "Webhook",
        (
            KindSetting("url", "Address", placeholder="https://psa.example.com/hooks/triagedesk"),
            KindSetting(
                "secret",
                "Signing secret",
                is_secret=True,
                is_required=False,
                help="Left empty, one is made and shown once.",
            ),
        ),
        main="url",
        is_machine=True,
        takes_all=True,
    ),
    Kind.APPRISE: TargetKind(
        "Another service (Apprise address)",
        (KindSetting("url", "Apprise address", is_secret=True, placeholder="matrix://…"),),
        main="url",
        limits=_limits((5, 1), (20, 15), (60, 60)),
    ),
}
"""Limits of people's phones are those that GoAlert ships; channels bear more."""
