"""Which account somebody gets into whom a provider has sent: every case."""

from dataclasses import replace
from itertools import product

from webapp.domain.security.entry import AccountEntry, AccountFacts, Refusal, Way, decide_entry
from webapp.domain.security.identity import ProvidedIdentity

BO = ProvidedIdentity("https://id.example.com", "bo-1", "bo@example.com", True, "Bo")
UNVERIFIED = replace(BO, is_verified=False)
NO_ADDRESS = replace(BO, address=None, is_verified=False)
HELPDESK = AccountFacts("helpdesk")
ROLES = ("admin", "helpdesk", "auditor", None)


def decide(
    identity: ProvidedIdentity = BO,
    role: str | None = None,
    *,
    known: AccountFacts | None = None,
    namesake: AccountFacts | None = None,
    gives_roles: bool | None = None,
) -> AccountEntry | Refusal:
    gives = role is not None if gives_roles is None else gives_roles
    return decide_entry(identity, role, gives_roles=gives, known=known, namesake=namesake)


def test_whoever_was_linked_gets_in_whatever_the_address_says() -> None:
    linked = replace(HELPDESK, is_linked=True)
    for identity in (BO, UNVERIFIED, NO_ADDRESS):
        for namesake in (None, HELPDESK, linked):
            assert decide(identity, known=linked, namesake=namesake) == AccountEntry(
                Way.KNOWN, "helpdesk", is_role_provided=False
            )


def test_an_account_is_linked_by_a_verified_address_alone_and_once() -> None:
    assert decide(namesake=HELPDESK) == AccountEntry(Way.LINK, "helpdesk", is_role_provided=False)
    assert decide(role="auditor", namesake=HELPDESK) == AccountEntry(Way.LINK, "auditor", True)
    assert decide(UNVERIFIED, namesake=HELPDESK) is Refusal.UNVERIFIED
    linked = replace(HELPDESK, is_linked=True)
    for role in ROLES:
        assert decide(role=role, namesake=linked) is Refusal.OTHER_IDENTITY
        assert decide(UNVERIFIED, role, namesake=HELPDESK) is Refusal.UNVERIFIED


def test_strangers_need_a_role_and_an_address() -> None:
    assert decide() is Refusal.UNKNOWN
    assert decide(gives_roles=True) is Refusal.UNKNOWN
    assert decide(NO_ADDRESS) is Refusal.UNKNOWN
    assert decide(NO_ADDRESS, "helpdesk") is Refusal.NO_ADDRESS
    assert decide(role="helpdesk") == AccountEntry(Way.CREATE, "helpdesk", True)
    assert decide(UNVERIFIED, "helpdesk") == AccountEntry(Way.CREATE, "helpdesk", True)


def test_an_unverified_address_does_not_tell_whether_it_has_an_account() -> None:
    assert decide(UNVERIFIED) is decide(UNVERIFIED, namesake=HELPDESK) is Refusal.UNVERIFIED


def test_who_was_deactivated_stays_out() -> None:
    gone = replace(HELPDESK, is_active=False)
    for role in ROLES:
        assert decide(role=role, known=gone) is Refusal.DEACTIVATED
        assert decide(role=role, namesake=gone) is Refusal.DEACTIVATED


def test_a_role_by_the_claim_goes_with_it() -> None:
    provided = replace(HELPDESK, is_role_provided=True)
    assert decide(role="admin", known=provided) == AccountEntry(Way.KNOWN, "admin", True)
    assert decide(known=provided, gives_roles=True) is Refusal.NO_ROLE_ANY_MORE
    # A role that an admin gave stays without the claim, and so does one after the claim is gone.
    assert decide(known=HELPDESK, gives_roles=True) == AccountEntry(Way.KNOWN, "helpdesk", False)
    assert decide(known=provided, gives_roles=False) == AccountEntry(Way.KNOWN, "helpdesk", True)


def test_the_last_admin_stays_admin() -> None:
    last = AccountFacts("admin", is_last_admin=True)
    for role in ("helpdesk", "auditor"):
        assert decide(role=role, known=last) == AccountEntry(
            Way.KNOWN, "admin", False, keeps_admin=True
        )
    assert decide(role="admin", known=last) == AccountEntry(Way.KNOWN, "admin", True)
    assert decide(role="helpdesk", known=AccountFacts("admin")) == AccountEntry(
        Way.KNOWN, "helpdesk", True
    )


def test_a_break_glass_account_does_not_depend_on_the_provider() -> None:
    glass = AccountFacts("admin", is_break_glass=True, is_role_provided=True)
    for role in ROLES:
        entry = decide(role=role, known=glass, gives_roles=True)
        assert entry == AccountEntry(Way.KNOWN, "admin", True)


def test_nothing_opens_an_inactive_or_foreign_account() -> None:
    """Every combination: who gets in is active, and is the known one, a free namesake, or new."""
    accounts = [None] + [
        AccountFacts("admin", *flags) for flags in product((True, False), repeat=5)
    ]
    for identity, role, gives, known, namesake in product(
        (BO, UNVERIFIED, NO_ADDRESS), ROLES, (True, False), accounts, accounts
    ):
        if role is not None and not gives:
            continue
        entry = decide(identity, role, known=known, namesake=namesake, gives_roles=gives)
        if isinstance(entry, Refusal):
            continue
        if entry.way is Way.KNOWN:
            assert known is not None
            assert known.is_active
        elif entry.way is Way.LINK:
            assert known is None
            assert namesake is not None
            assert namesake.is_active
            assert not namesake.is_linked
            assert identity.is_verified
        else:
            assert known is namesake is None
            assert role is not None
            assert entry.role == role
