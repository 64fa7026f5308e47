"""A server that plays the providers, and a good target of each kind on it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.receivers import provider_rules as rules
from tests.support.receivers.certificates import Certificates
from tests.support.receivers.providers import Providers, lead_names
from webapp.domain.notices.message import Link, Message, Stage, Urgency
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.settings import Destination

TAKE = "https://desk.example.com/take/1a2b3c4d5e6f"
TICKET = "https://desk.example.com/tickets/12"

PAGE = Message(
    key="m-1",
    event="ticket.created",
    subject="ticket:12",
    title="#12 critical: Müller & Söhne <Zürich>, host SRV-01",
    lines=("Ransomware canary was changed", "Reported 03:12 UTC"),
    links=(Link("Take it", TAKE), Link("Open ticket", TICKET)),
    urgency=Urgency.PAGE,
    stage=Stage.BEGINS,
    severity="critical",
    happened_at=datetime(2026, 11, 29, 3, 12, tzinfo=UTC),
    data={"number": 12, "client": "Müller & Söhne", "url": TICKET},
)
TAKEN = replace(
    PAGE,
    key="m-2",
    event="ticket.taken",
    title="#12 was taken by Ana",
    lines=(),
    links=(),
    urgency=Urgency.QUIET,
    stage=Stage.TAKEN,
)

SETTINGS: dict[Kind, tuple[dict[str, str], dict[str, str]]] = {
    Kind.TEAMS: (
        {},
        {
            "url": f"https://prod-01.westeurope.logic.azure.com{rules.TEAMS_PATH}"
            f"?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig={rules.TEAMS_SIGNATURE}"
        },
    ),
    Kind.SLACK: ({}, {"url": f"https://hooks.slack.com{rules.SLACK_PATH}"}),
    Kind.NTFY: (
        {},
        {"url": f"https://ntfy.sh/{rules.NTFY_TOPIC}", "token": rules.NTFY_TOKEN},
    ),
    Kind.PAGERDUTY: ({}, {"key": rules.PAGERDUTY_KEY}),
    Kind.PUSHOVER: ({"user": rules.PUSHOVER_USER}, {"token": rules.PUSHOVER_TOKEN}),
    Kind.SMS: (
        {"to": "+4798765432", "from": rules.TWILIO_FROM, "account": rules.TWILIO_ACCOUNT},
        {"token": rules.TWILIO_TOKEN},
    ),
    Kind.APPRISE: ({}, {"url": f"ntfys://{rules.NTFY_TOKEN}@ntfy.sh/{rules.NTFY_TOPIC}"}),
}
"""Settings and secrets of a target of each kind that the look-alike takes messages for."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def provider_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    with Providers(Certificates(tmp_path_factory.mktemp("providers"))) as providers:
        yield providers


@pytest.fixture
def providers(provider_server: Providers, monkeypatch: pytest.MonkeyPatch) -> Providers:
    """Return the server as if it were new; the providers' names lead to it."""
    provider_server.start_anew()
    lead_names(monkeypatch, provider_server.port)
    return provider_server


@pytest.fixture
def target(providers: Providers) -> Callable[..., Destination]:
    """Return a good target of a kind; `changed` replaces settings or secrets."""

    def make(kind: Kind, **changed: str) -> Destination:
        settings, secrets = SETTINGS[kind]
        return Destination(
            kind=kind,
            settings={name: changed.get(name, value) for name, value in settings.items()},
            secrets={name: changed.get(name, value) for name, value in secrets.items()},
            outbound_hosts=providers.outbound_hosts,
            ca_file=providers.ca_file,
        )

    return make
