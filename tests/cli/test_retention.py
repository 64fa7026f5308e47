"""`triagedesk retention`, `client export|forget` and `user export|forget`."""

import json
import stat
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.desk_data import fill_desk
from tests.support.rows import all_rows, audit_actions
from webapp.domain.retention.kinds import RetentionKind
from webapp.models import Client, OrganizationMapping, Ticket, User
from webapp.services.people.users import deactivate_user


@pytest.fixture
def client(shell: Shell) -> Client:
    fill_desk(shell.clock.now(), tickets=12)
    [mapping, *_] = all_rows(OrganizationMapping, OrganizationMapping.client_id.is_not(None))
    return next(one for one in all_rows(Client) if one.id == mapping.client_id)


@both_databases
def test_ages_are_shown_set_previewed_and_applied(shell: Shell, client: Client) -> None:
    shown = {row["kind"]: row for row in shell.json("retention", "show")}
    assert set(shown) == {kind.replace("_", "-") for kind in RetentionKind}
    assert shown["closed-tickets"]["kept"] == "never deleted"
    assert shell.json("retention", "set", "closed-tickets", "100")["days"] == 100
    assert shell.ok("retention", "set", "audit", "never") == "Audit log: never deleted.\n"
    assert "closed-tickets" in shell.ok("retention", "show")
    assert "Nothing is old enough" in shell.ok("retention", "preview")
    shell.clock.advance(days=366)
    closed = len(all_rows(Ticket, Ticket.closed_at.is_not(None)))
    counts = {row["kind"]: row["would_delete"] for row in shell.json("retention", "preview")}
    assert counts["closed-tickets"] == closed > 0
    assert counts["audit"] == 0
    assert f"{closed} tickets closed before " in shell.ok("retention", "preview")
    assert shell.json("retention", "apply")["deleted"]["tickets"] == closed
    assert all_rows(Ticket, Ticket.closed_at.is_not(None)) == []
    assert shell.ok("retention", "apply") == "Nothing was old enough.\n"


def test_an_age_that_cannot_be_is_refused_in_a_sentence(shell: Shell) -> None:
    assert "at least 90 days" in shell.refused("retention", "set", "audit", "89")
    assert "for ever" in shell.refused("retention", "set", "exchanges", "never")
    assert shell.run("retention", "set", "nothing", "3").exit_code == 2


@both_databases
def test_the_database_is_compacted(shell: Shell) -> None:
    assert shell.json("retention", "compact") == {"success": True}


@both_databases
def test_a_client_is_exported_and_forgotten(shell: Shell, client: Client, tmp_path: Path) -> None:
    file, name = tmp_path / "out.zip", client.name
    assert shell.json("client", "export", name, str(file))["file"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    archive = zipfile.ZipFile(file)
    assert json.loads(archive.read("client.json"))[0]["name"] == name
    assert "File exists" in shell.refused("client", "export", name, str(file))
    assert shell.json("client", "export", name, str(tmp_path))["file"].endswith(".zip")
    said = shell.ok("client", "forget", name)
    assert f"Would erase of {name}: " in said
    assert "--confirm" in said
    assert name in [one.name for one in all_rows(Client)]
    document = shell.json("client", "forget", name, "--confirm")
    assert document["success"]
    assert document["erased"]["organizations"] == 1
    assert "No backup" in document["backups"]
    assert name not in [one.name for one in all_rows(Client)]
    assert "There is no client named" in shell.refused("client", "forget", name)
    assert audit_actions().count("export.client") == 2


def test_an_export_that_fails_leaves_no_file(shell: Shell, client: Client, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "a.zip"
    assert "cannot be written" in shell.refused("client", "export", client.name, str(missing))
    assert not missing.exists()


@both_databases
def test_a_user_is_exported_and_forgotten(shell: Shell, client: Client, tmp_path: Path) -> None:
    user = all_rows(User, User.role == "helpdesk")[0]
    email = user.email
    file = shell.json("user", "export", email, str(tmp_path))["file"]
    assert json.loads(Path(file).read_text())["person"][0]["email"] == email
    assert "Give --confirm" in shell.ok("user", "forget", email)
    assert "may still sign in" in shell.refused("user", "forget", email, "--confirm")
    deactivate_user(user.id)
    assert "Erased: " in shell.ok("user", "forget", email, "--confirm")
    assert email not in [one.email for one in all_rows(User)]
