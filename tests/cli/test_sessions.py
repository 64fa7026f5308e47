"""`triagedesk sessions`."""

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.security.sessions import begin
from webapp.services.people.sessions import find_session
from webapp.services.people.users import add_user


@both_databases
def test_everybody_or_one_person_is_signed_out(shell: Shell) -> None:
    users = [
        add_user(email=f"{name}@example.com", name=name, password="a long horse", role="admin")
        for name in ("ada", "bob", "cleo")
    ]
    ada, *others = (begin(user.id) for user in users)
    rows = shell.json("sessions", "list")
    assert {row["user"] for row in rows} == {user.email for user in users}
    assert all(ada not in str(row) for row in rows)
    assert "bob@example.com" in shell.ok("sessions", "list")
    assert shell.ok("sessions", "end", "--user", "ADA@example.com") == "1 session ended.\n"
    assert find_session(ada) is None
    assert shell.ok("sessions", "end", "--all") == "2 sessions ended.\n"
    assert [find_session(token) for token in others] == [None, None]
    assert shell.ok("sessions", "list") == "Nobody is signed in.\n"


def test_whom_has_to_be_said(shell: Shell) -> None:
    for words in ([], ["--all", "--user", "ada@example.com"]):
        result = shell.run("sessions", "end", *words)
        assert result.exit_code == 2
        assert "either --all or --user" in result.stderr
    assert "no user nobody" in shell.refused("sessions", "end", "--user", "nobody@example.com")
