"""What a report is about: its host or identity, and the account that it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.incident import Incident, parse_incident
from webapp.domain.triage.subjects import (
    SUBJECT_KEY_LENGTH,
    SUBJECT_NAME_LENGTH,
    TriageSubject,
    find_account,
    find_subject,
    is_identity,
    subject_key,
    subject_keys,
    typed_subject,
)


def report(**fields: object) -> Incident:
    return parse_incident({"id": 1, "platform": "windows", **fields})


def step(action: str, *parameters: str) -> dict[str, object]:
    return {
        "action": action,
        "type": "assisted",
        "parameters": [{"name": "Path", "description": one} for one in parameters],
    }


@pytest.mark.parametrize(
    ("subject", "hostname", "name"),
    [
        ("CRITICAL - Incident on SBA-TAX01 (Stonebridge)", "SBA-TAX01", "SBA-TAX01"),
        ("CRITICAL - Incident on OLD-NAME (Stonebridge)", "NEW-NAME", "NEW-NAME"),
        ("CRITICAL - Incident on SBA-TAX01 (Stonebridge (UK) Ltd)", None, "SBA-TAX01"),
        ("Huntress EDR Critical Incident Report | Incident on Anna's Mac (X)", None, "Anna's Mac"),
        ("Incident on MS-BÜRO-03", None, "MS-BÜRO-03"),
        ("Something else on SBA-TAX01", None, None),
        ("CRITICAL - Incident on a host (X)", None, None),
        (None, None, None),
    ],
)
def test_hosts(subject: str | None, hostname: str | None, name: str | None) -> None:
    found = find_subject(report(agent_id=7, subject=subject), hostname)
    assert found.name == name
    assert found.key == (f"host:{name.lower()}" if name else None)


@pytest.mark.parametrize(
    ("platform", "subject", "name"),
    [
        ("microsoft_365", "HIGH - Incident on k.sato@x.example (X)", "k.sato@x.example"),
        ("microsoft_365", "HIGH - Incident on Jane Doe (X)", "Jane Doe"),
        ("other", "HIGH - Incident on a.b@x.example (X)", "a.b@x.example"),
        ("microsoft_365", "HIGH - Incident on an identity (X)", None),
        ("google", None, None),
    ],
)
def test_identities(platform: str, subject: str | None, name: str | None) -> None:
    found = find_subject(report(platform=platform, subject=subject), None)
    assert found == TriageSubject(name, f"identity:{name.lower()}" if name else None, None)


def test_what_has_no_agent_and_no_address_is_a_host() -> None:
    found = find_subject(report(platform="other", subject="LOW - Incident on FW-01 (X)"), None)
    assert (found.name, found.key) == ("FW-01", "host:fw-01")


def test_the_only_address_in_the_steps_is_the_identity() -> None:
    steps = [step("Disable Identity", "A.B@x.example"), step("Reset", "a.b@x.example.")]
    found = find_subject(report(platform="google", remediations=steps), None)
    assert found.key == "identity:a.b@x.example"
    steps.append(step("Remove the rule of c@x.example"))
    assert find_subject(report(platform="google", remediations=steps), None).key is None


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("C:\\Users\\j.smith\\AppData\\x.exe", "j.smith"),
        ("D:\\Users\\John Smith\\Desktop\\x.exe", "John Smith"),
        ("C:\\Users\\Public\\x.exe", None),
        ("C:\\Users\\%USERNAME%\\x.exe", None),
        ("/Users/anna/Library/LaunchAgents/x.plist", "anna"),
        ("/home/www-data/.ssh/id", "www-data"),
        ("/Users/Shared/x", None),
        ("https://x.example/home/anna/x", None),
        ("HKU\\bo\\Software\\Run", "bo"),
        ("HKU\\S-1-5-21-1004\\Software\\Run", None),
        ("HKU\\.DEFAULT\\Software\\Run", None),
        ("Reset the password of a.b and end all sessions", "a.b"),
        ("Reset the password of `CORP\\a.b`.", "CORP\\a.b"),
        ("Reset the password of all accounts", None),
        ("Reset the passwords of every user", None),
        ("running as user j.smith.", "j.smith"),
        ("under the account svc_backup", "svc_backup"),
        ("the user opened a file", None),
        ("this account that was used", None),
        ("the account's own", None),
    ],
)
def test_accounts(text: str, user: str | None) -> None:
    assert find_account(report(summary=text)) == user
    assert find_account(report(remediations=[step(text)])) == user
    assert find_account(report(remediations=[step("Delete File", text)])) == user


def test_steps_come_before_the_text_and_the_most_named_before_others() -> None:
    steps = [
        step("Delete File", "C:\\Users\\one\\x"),
        step("Delete File", "C:\\Users\\Two\\x"),
        step("Delete File", "C:\\Users\\two\\y"),
    ]
    assert find_account(report(remediations=steps, summary="C:\\Users\\three\\x")) == "Two"
    assert find_account(report(remediations=steps[:2])) == "one", "the first of equals"
    assert find_account(report(summary="C:\\Users\\three\\x")) == "three"


def test_without_a_summary_the_body_is_read() -> None:
    body = "<p>The user <b>x</b> ran <code>C:\\Users\\four\\x.exe</code></p>"
    assert find_account(report(body=body)) == "four"


def test_what_people_type() -> None:
    assert typed_subject("SRV-1") == TriageSubject("SRV-1", "host:srv-1")
    assert typed_subject("A@x.example") == TriageSubject("A@x.example", "identity:a@x.example")
    assert typed_subject(None) == TriageSubject()
    assert subject_keys("SRV-1") == ("host:srv-1", "identity:srv-1")
    assert is_identity("identity:x")
    assert not is_identity("host:identity:")
    assert not is_identity(None)


@given(st.text(max_size=600), st.text(max_size=600), st.one_of(st.none(), st.just(3)))
def test_nothing_that_is_written_breaks_it(subject: str, text: str, agent: int | None) -> None:
    incident = report(subject=subject, summary=text, agent_id=agent, remediations=[step(text)])
    found = find_subject(incident, subject or None)
    for one in (found.name, found.user):
        assert one is None or 0 < len(one) <= SUBJECT_NAME_LENGTH
    assert (found.name is None) == (found.key is None)
    assert found.key is None or len(found.key) <= SUBJECT_KEY_LENGTH


def test_keys_fit_their_column() -> None:
    assert len(subject_key("identity", "İ" * SUBJECT_NAME_LENGTH) or "") == SUBJECT_KEY_LENGTH
