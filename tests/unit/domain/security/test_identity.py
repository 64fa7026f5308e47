"""Who somebody is by the claims of a provider."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.identity import (
    GOOGLE,
    ProvidedIdentity,
    RoleValues,
    claim_values,
    read_identity,
    role_for,
)

OWN = {"iss": "https://id.example.com", "sub": "ada-1"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def read(**claims: Any) -> ProvidedIdentity:
    return read_identity(OWN | claims, None)


def test_the_usual_claims() -> None:
    found = read(email=" Ada@Example.com ", email_verified=True, name="Ada\u202e Okafor")
    assert found == ProvidedIdentity(
        issuer="https://id.example.com",
        subject="ada-1",
        address="ada@example.com",
        is_verified=True,
        name="Ada Okafor",
    )


@pytest.mark.parametrize(
    ("claims", "is_verified"),
    [
        ({"email_verified": True}, True),
        ({"email_verified": "true"}, True),
        ({"email_verified": 1}, True),
        ({"email_verified": False}, False),
        ({"email_verified": "false"}, False),
        ({"email_verified": None}, False),
        ({"email_verified": [True]}, False),
        ({"email_verified": 1.0}, False),
        ({}, False),
        ({"xms_edov": True}, True),  # Entra ID: the tenant owns the domain of the address
        ({"xms_edov": "1"}, True),
        ({"xms_edov": False}, False),
        ({"email_verified": False, "xms_edov": True}, False),
    ],
)
def test_whether_an_address_is_verified(claims: dict[str, Any], is_verified: bool) -> None:
    assert read(email="ada@example.com", **claims).is_verified is is_verified


@pytest.mark.parametrize(
    ("email", "more", "is_verified"),
    [
        ("ada@gmail.com", {}, True),
        ("ada@example.com", {"hd": "example.com"}, True),
        ("ada@example.com", {}, False),
        ("ada@example.com", {"hd": ""}, False),
        ("ada@gmail.com.example.com", {}, False),
    ],
)
def test_google_vouches_for_its_own_addresses_alone(
    email: str, more: dict[str, Any], is_verified: bool
) -> None:
    found = read(iss=GOOGLE, email=email, email_verified=True, **more)
    assert found.is_verified is is_verified


def test_a_user_name_serves_as_address_and_is_never_verified() -> None:
    found = read(preferred_username="Ada@Example.com", email_verified=True, xms_edov=True)
    assert (found.address, found.is_verified) == ("ada@example.com", False)
    assert read(preferred_username="ada").address is None


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@example", "a da@example.com", "a@b@c.de", "x" * 250 + "@b.de", 5],
)
def test_what_is_no_address(email: object) -> None:
    assert read(email=email, email_verified=True) == read()


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ada", "given_name": "A"}, "Ada"),
        ({"name": " ", "given_name": "Ada", "family_name": "Okafor"}, "Ada Okafor"),
        ({"name": 5, "family_name": "Okafor"}, "Okafor"),
        ({"preferred_username": "ada"}, "ada"),
        ({}, None),
    ],
)
def test_names(claims: dict[str, Any], name: str | None) -> None:
    assert read(**claims).name == name


@pytest.mark.parametrize(
    ("claims", "path", "values"),
    [
        ({"groups": ["a", "b", 5, None, ["c"]]}, "groups", {"a", "b"}),
        ({"role": "a"}, "role", {"a"}),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"https://id.example.com/roles": ["a"]}, "https://id.example.com/roles", {"a"}),
        ({"a.b": "whole", "a": {"b": "path"}}, "a.b", {"whole"}),
        ({"a.b": None, "a": {"b": "path"}}, "a.b", set()),
        ({"a": ["b"]}, "a.b", set()),
        ({"groups": {"a": "b"}}, "groups", set()),
        ({"groups": True}, "groups", set()),
        ({}, "groups", set()),
        ({}, "", set()),
    ],
)
def test_values_of_a_claim(claims: dict[str, Any], path: str, values: set[str]) -> None:
    assert claim_values(claims, path) == values


def test_the_highest_role_counts() -> None:
    given_by = RoleValues(frozenset({"A"}), frozenset({"H", "h"}), frozenset({"Au"}))
    for values, role in (
        ({"A", "H", "Au", "x"}, "admin"),
        ({"h", "Au"}, "helpdesk"),
        ({"Au"}, "auditor"),
        ({"a", "x"}, None),
        (set(), None),
    ):
        assert role_for(frozenset(values), given_by) == role
    assert role_for(frozenset({""}), RoleValues()) is None


@given(st.dictionaries(st.sampled_from(["email", "email_verified", "name", "hd", "groups"]), JSON))
def test_no_claims_break_it_and_only_a_clear_yes_verifies(claims: dict[str, Any]) -> None:
    found = read_identity(OWN | claims, "groups")
    if found.is_verified:
        assert found.address
        assert json.dumps(claims["email_verified"]) in ("true", '"true"', '"True"', '"1"', "1")
    assert all(isinstance(value, str) for value in found.values)
