"""Whether the settings of a target can be right, as far as that shows without asking anybody."""

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from email_validator import EmailNotValidError, validate_email

from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.outbound.allowed_hosts import is_listed
from webapp.outbound.any_apprise import read_address

_E164 = r"\+[1-9]\d{6,14}"
_SENDER = rf"{_E164}|\d{{3,8}}|MG[0-9a-fA-F]{{32}}|(?=.*[A-Za-z])[A-Za-z0-9 ]{{1,11}}"
_TOPIC = re.compile(r"/[-_A-Za-z0-9]{1,64}/?", re.ASCII)
_NUMBER_SENTENCE = "Write the number with + and the country code, such as +14155550123."

_Settings = Mapping[str, str]
_Problem = str | None


def check_settings(
    kind: Kind, settings: _Settings, secrets: _Settings, outbound_hosts: Sequence[str] = ()
) -> dict[str, str]:
    """Return a sentence for each setting that cannot be right, by its name; empty if all may be.

    Opens no connection. `outbound_hosts` are the exceptions of TRIAGEDESK_OUTBOUND_HOSTS, which
    need no encryption.
    No sentence holds a value of `secrets`.
    """
    problems: dict[str, str] = {}
    for setting in KINDS[kind].settings:
        value = (secrets if setting.is_secret else settings).get(setting.name, "")
        check = _CHECKS.get((kind, setting.name))
        if not value.strip():
            problem = f"{setting.label} is missing." if setting.is_required else None
        elif value != value.strip() or not value.isprintable():
            problem = f"{setting.label} has spaces or invisible characters around it or in it."
        else:
            problem = check(value, outbound_hosts) if check else None
        if problem:
            problems[setting.name] = problem
    return problems


def _check_email(value: str, _hosts: Sequence[str]) -> _Problem:
    try:
        # Mail may well stay within an office, where domains such as ".local" are in use.
        validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return "This is not an email address."
    return None


def _check_url(value: str, hosts: Sequence[str]) -> _Problem:
    return _split(value, hosts)[1]


def _check_teams(value: str, hosts: Sequence[str]) -> _Problem:
    parts, problem = _split(value, hosts)
    if parts and _is_in(parts, "webhook.office.com", "outlook.office.com"):
        return (
            "Microsoft has retired the Office 365 connectors with such addresses. In Teams, make"
            " a workflow “Post to a channel when a webhook request is received”, and use its"
            " address."
        )
    return problem


def _check_slack(value: str, hosts: Sequence[str]) -> _Problem:
    parts, problem = _split(value, hosts)
    if parts and _is_in(parts, "slack.com") and not parts.path.startswith("/services/"):
        return "An address of Slack's webhooks begins with https://hooks.slack.com/services/."
    return problem


def _check_ntfy(value: str, hosts: Sequence[str]) -> _Problem:
    parts, problem = _split(value, hosts)
    if problem or parts is None:
        return problem
    if not _TOPIC.fullmatch(parts.path) or parts.query:
        return "The address ends with one topic: 1 to 64 letters, digits, - and _ after the host."
    return None


def _check_pagerduty_url(value: str, hosts: Sequence[str]) -> _Problem:
    parts, problem = _split(value, hosts)
    if problem or parts is None:
        return problem
    if parts.path.rstrip("/") not in ("", "/v2/enqueue") or parts.query:
        return "Only the host is needed, such as https://events.eu.pagerduty.com."
    return None


def _check_apprise(value: str, hosts: Sequence[str]) -> _Problem:
    try:
        read_address(value, hosts)
    except ValueError as error:
        return str(error)
    return None


def _matches(pattern: str, sentence: str) -> Callable[..., _Problem]:
    """Return a check that a value is of this form as a whole."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value, _hosts: None if compiled.fullmatch(value) else sentence


def _split(value: str, hosts: Sequence[str]) -> tuple[SplitResult | None, _Problem]:
    """Return the parts of an address, and why it cannot be used, if so."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None, "This is not a web address."
    if not host or port == 0 or " " in value:
        return None, "This is not a web address; one looks like https://host.example.com/…."
    if parts.username is not None or parts.password is not None:
        return parts, "Leave user and password out of the address."
    is_exception = parts.scheme == "http" and is_listed(host, port or 80, hosts)
    if parts.scheme != "https" and not is_exception:
        return parts, "The address must begin with https://."
    return parts, None


def _is_in(parts: SplitResult, *domains: str) -> bool:
    host = (parts.hostname or "").rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


_CHECKS: Mapping[tuple[Kind, str], Callable[[str, Sequence[str]], _Problem]] = {
    (Kind.EMAIL, "to"): _check_email,
    (Kind.TEAMS, "url"): _check_teams,
    (Kind.SLACK, "url"): _check_slack,
    (Kind.NTFY, "url"): _check_ntfy,
    (Kind.NTFY, "token"): _matches(r"[!-~]{1,200}", "An access token has no spaces or accents."),
    (Kind.PAGERDUTY, "key"): _matches(
        r"[A-Za-z0-9]{32}", "An integration key has 32 letters and digits."
    ),
    (Kind.PAGERDUTY, "url"): _check_pagerduty_url,
    (Kind.PUSHOVER, "user"): _matches(
        r"[A-Za-z0-9]{30}", "A user key has 30 letters and digits; Pushover's start page shows it."
    ),
    (Kind.PUSHOVER, "token"): _matches(
        r"[A-Za-z0-9]{30}", "An application token has 30 letters and digits."
    ),
    (Kind.SMS, "to"): _matches(_E164, _NUMBER_SENTENCE),
    (Kind.SMS, "from"): _matches(
        _SENDER,
        f"{_NUMBER_SENTENCE} A name of up to 11 letters or a messaging service (MG…) does, too.",
    ),
    (Kind.SMS, "account"): _matches(
        r"AC[0-9a-fA-F]{32}", "An account SID is AC and 32 digits and letters from a to f."
    ),
    (Kind.SMS, "token"): _matches(r"[0-9A-Za-z]{32}", "An auth token has 32 letters and digits."),
    (Kind.WEBHOOK, "url"): _check_url,
    (Kind.APPRISE, "url"): _check_apprise,
}
