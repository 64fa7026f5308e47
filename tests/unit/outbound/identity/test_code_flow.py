"""The code flow against a provider over real HTTP: what is taken, and every forgery."""

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from hmac import new as hmac_of
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import OctKey

from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import answer, flood, hang, reset
from tests.support.security.oidc_provider import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    OidcProvider,
    ec_key,
    person,
    rsa_key,
    segment,
    sign_with,
    unsigned,
)
from webapp import clock
from webapp.outbound.identity.code_flow import Secrets, authorization_url, take_answer_of
from webapp.outbound.identity.known_provider import KnownProvider
from webapp.outbound.identity.provider import IdentityProvider, ProviderError, ProviderFault

BACK = "https://desk.example.com/back"


@pytest.fixture
def oidc(fake_clock: FakeClock) -> Iterator[OidcProvider]:
    with OidcProvider(fake_clock.now) as provider:
        yield provider


@pytest.fixture
def known(oidc: OidcProvider) -> KnownProvider:
    return KnownProvider(IdentityProvider(oidc.issuer, CLIENT_ID, CLIENT_SECRET, BACK, name="Mock"))


def parameters_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def sign_in(known: KnownProvider, oidc: OidcProvider, own: Secrets | None = None) -> Any:
    """The whole flow, with what the provider does now."""
    own = own or Secrets.make()
    back = oidc.visit(authorization_url(known, own))
    return take_answer_of(known, parameters_of(back), own, clock.utcnow())


def refusal(known: KnownProvider, oidc: OidcProvider) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        sign_in(known, oidc)
    for secret in (CLIENT_SECRET, ACCESS_TOKEN, *oidc.granted):
        assert secret not in str(caught.value) + caught.value.detail
    return caught.value


def test_the_claims_of_who_signed_in(known: KnownProvider, oidc: OidcProvider) -> None:
    assert sign_in(known, oidc)["sub"] == "ada-1"
    oidc.person = person(sub="bo-1")
    assert sign_in(known, oidc)["sub"] == "bo-1"
    assert oidc.asked == ["/.well-known/openid-configuration", "/token", "/keys", "/token"]


def test_what_the_browser_carries_to_the_provider(known: KnownProvider) -> None:
    own = Secrets.make()
    asked = parameters_of(authorization_url(known, own))
    challenge = urlsafe_b64encode(sha256(own.verifier.encode()).digest()).decode().rstrip("=")
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": BACK,
        "scope": "openid email profile",
        "state": own.state,
        "nonce": own.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "max_age": "2592000",  # so that the token has to say when the person signed in there
    }
    fresh = parameters_of(authorization_url(known, own, is_fresh=True))
    assert fresh == asked | {"max_age": "0", "prompt": "login"}


def test_secrets_are_random_and_stored_as_one_text() -> None:
    one, other = Secrets.make(), Secrets.make()
    assert len({*vars_of(one), *vars_of(other)}) == 6
    assert Secrets.read(one.packed()) == one
    assert len(one.packed()) <= 128
    assert one.verifier not in repr(one)
    with pytest.raises(ValueError, match="unpack"):
        Secrets.read("only.two")


def vars_of(own: Secrets) -> tuple[str, str, str]:
    return own.state, own.nonce, own.verifier


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_signatures_by_rsa(known: KnownProvider, oidc: OidcProvider, algorithm: str) -> None:
    # at_hash is made with SHA-256 by the mock: left out where the signature has another hash.
    oidc.change = lambda claims: {k: v for k, v in claims.items() if k != "at_hash"}
    oidc.sign = sign_with(rsa_key(1), algorithm)
    assert sign_in(known, oidc)["sub"] == "ada-1"


def test_signatures_by_elliptic_curves(known: KnownProvider, oidc: OidcProvider) -> None:
    oidc.keys, oidc.sign = [rsa_key(1), ec_key(1)], sign_with(ec_key(1), "ES256")
    assert sign_in(known, oidc)["sub"] == "ada-1"


def test_a_token_without_key_id_is_checked_with_the_only_key(
    known: KnownProvider, oidc: OidcProvider
) -> None:
    oidc.sign = sign_with(rsa_key(1), kid=None)
    assert sign_in(known, oidc)["sub"] == "ada-1"
    oidc.keys = [rsa_key(1), rsa_key(2)]
    assert refusal(KnownProvider(known.provider), oidc).fault is ProviderFault.TOKEN


def by_shared_secret(secret: bytes) -> Callable[[Claims], str]:
    """HS256, with something that an attacker knows as its key."""

    def sign(claims: Claims) -> str:
        signed = f"{segment({'alg': 'HS256', 'kid': 'rsa-1'})}.{segment(claims)}"
        mac = hmac_of(secret, signed.encode(), sha256).digest()
        return f"{signed}.{urlsafe_b64encode(mac).decode().rstrip('=')}"

    return sign


def with_other_claims(claims: Claims) -> str:
    """A good signature, on other claims."""
    head, _, signature = sign_with(rsa_key(1))(claims).split(".")
    return f"{head}.{segment(claims | {'sub': 'root'})}.{signature}"


def by_hand(header: dict[str, Any]) -> Callable[[Claims], str]:
    """A good signature by the listed key, under any header."""

    def sign(claims: Claims) -> str:
        signed = f"{segment(header)}.{segment(claims)}"
        key = rsa_key(1).private_key
        assert key is not None
        signature = key.sign(signed.encode(), PKCS1v15(), SHA256())
        return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"

    return sign


def test_a_token_by_hand_is_taken(known: KnownProvider, oidc: OidcProvider) -> None:
    """What differs below is the header alone."""
    oidc.sign = by_hand({"alg": "RS256", "new": 1})
    assert sign_in(known, oidc)


FORGERIES: dict[str, Callable[[Claims], str]] = {
    "none": unsigned,
    "None": lambda claims: unsigned(claims).replace("bm9uZSI", "Tm9uZSI"),
    "public key as a secret": by_shared_secret(rsa_key(1).as_pem(private=False)),
    "client secret": by_shared_secret(CLIENT_SECRET.encode()),
    "no secret": by_shared_secret(b""),
    "another key of that id": sign_with(rsa_key(2), kid="rsa-1"),
    "another key of no id": sign_with(rsa_key(2), kid=None),
    "a key that is not listed": sign_with(rsa_key(2)),
    "a key that it brings along": sign_with(
        rsa_key(2), kid="rsa-1", jwk=rsa_key(2).as_dict(private=False)
    ),
    "other claims": with_other_claims,
    "a header that must be understood": by_hand({"alg": "RS256", "crit": ["new"], "new": 1}),
    "a number": lambda _: "1.2.3",
    "no token": lambda _: "x",
    "empty": lambda _: "",
    "letters": lambda _: "ä.ö.ü",
    "a list": lambda _: ".".join([segment({"alg": "RS256"}), "W10", "e30"]),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_forged_tokens(
    known: KnownProvider, oidc: OidcProvider, forgery: Callable[[Claims], str]
) -> None:
    oidc.sign = forgery
    assert refusal(known, oidc).fault is ProviderFault.TOKEN


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.com"},
        {"iss": None},
        {"iss": ["http://127.0.0.1"]},
        {"aud": "another-client"},
        {"aud": []},
        {"aud": None},
        {"aud": ["triagedesk", "another-client"]},  # without azp
        {"aud": ["triagedesk", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"at_hash": "of another token"},
        {"at_hash": 5},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "x" * 256},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"iat": None},
        {"iat": True},
    ],
    ids=json.dumps,
)
def test_tokens_that_are_not_for_this_sign_in(
    known: KnownProvider, oidc: OidcProvider, claims: dict[str, Any]
) -> None:
    def change(own: Claims) -> Claims:
        changed = own | claims
        return {name: value for name, value in changed.items() if value is not None}

    oidc.change = change
    assert refusal(known, oidc).fault is ProviderFault.TOKEN


def test_several_audiences_with_us_as_the_authorized_party(
    known: KnownProvider, oidc: OidcProvider
) -> None:
    oidc.change = lambda claims: claims | {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}
    assert sign_in(known, oidc)["sub"] == "ada-1"


@pytest.mark.parametrize(
    ("shift", "is_taken"),
    [
        (timedelta(seconds=-400), True),  # exp is 300 s after iat; two minutes are forgiven
        (timedelta(seconds=-430), False),
        (timedelta(seconds=110), True),
        (timedelta(seconds=130), False),
        (timedelta(days=-365), False),
    ],
)
def test_times_two_minutes_apart(
    known: KnownProvider, oidc: OidcProvider, shift: timedelta, is_taken: bool
) -> None:
    oidc.now = lambda: clock.utcnow() + shift
    if is_taken:
        assert sign_in(known, oidc)
        return
    error = refusal(known, oidc)
    assert error.fault is ProviderFault.CLOCK
    words = "before" if shift < timedelta(0) else "after"
    assert f"{abs(int(shift.total_seconds()))} s {words} our time" in error.detail


def test_a_token_that_is_valid_later(known: KnownProvider, oidc: OidcProvider) -> None:
    later = int(clock.utcnow().timestamp()) + 600
    oidc.change = lambda claims: claims | {"nbf": later}
    assert refusal(known, oidc).fault is ProviderFault.CLOCK


def test_a_code_works_once(known: KnownProvider, oidc: OidcProvider) -> None:
    own = Secrets.make()
    back = parameters_of(oidc.visit(authorization_url(known, own)))
    assert take_answer_of(known, back, own, clock.utcnow())
    with pytest.raises(ProviderError) as caught:
        take_answer_of(known, back, own, clock.utcnow())
    assert caught.value.fault is ProviderFault.TOKEN
    assert back["code"] not in caught.value.detail


def test_a_code_of_another_sign_in(known: KnownProvider, oidc: OidcProvider) -> None:
    """The verifier of this sign-in does not fit the code of that one (PKCE)."""
    stolen = parameters_of(oidc.visit(authorization_url(known, Secrets.make())))
    with pytest.raises(ProviderError) as caught:
        take_answer_of(known, stolen, Secrets.make(), clock.utcnow())
    assert caught.value.fault is ProviderFault.TOKEN


@pytest.mark.parametrize("issuer", ["https://evil.example.com", "", None])
def test_an_answer_of_another_provider(
    known: KnownProvider, oidc: OidcProvider, issuer: str | None
) -> None:
    own = Secrets.make()
    back = parameters_of(oidc.visit(authorization_url(known, own)))
    given = {**back, "iss": issuer} if issuer is not None else {**back}
    if issuer is None:
        del given["iss"]
    with pytest.raises(ProviderError, match="could not be confirmed"):
        take_answer_of(known, given, own, clock.utcnow())
    assert "/token" not in oidc.asked, "a code must not be sent to the wrong provider"


def test_a_provider_that_does_not_send_its_issuer(oidc: OidcProvider, known: KnownProvider) -> None:
    oidc.metadata = {"authorization_response_iss_parameter_supported": None}
    own = Secrets.make()
    back = parameters_of(oidc.visit(authorization_url(known, own)))
    del back["iss"]
    assert take_answer_of(known, back, own, clock.utcnow())


def test_the_provider_says_no(known: KnownProvider, oidc: OidcProvider) -> None:
    own = Secrets.make()
    url = authorization_url(known, own)
    back = oidc.deny(url, "access_denied", error_description="Not\nin the\x1b[31m group" * 99)
    with pytest.raises(ProviderError, match=r"^Mock did not let you sign in") as caught:
        take_answer_of(known, parameters_of(back), own, clock.utcnow())
    assert "access_denied - Not in the[31m group" in caught.value.detail
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize("code", ["", "x" * 5000])
def test_no_code(known: KnownProvider, oidc: OidcProvider, code: str) -> None:
    own = Secrets.make()
    back = parameters_of(oidc.visit(authorization_url(known, own))) | {"code": code}
    with pytest.raises(ProviderError) as caught:
        take_answer_of(known, back, own, clock.utcnow())
    assert caught.value.fault is ProviderFault.NONSENSE


def test_keys_that_change(known: KnownProvider, oidc: OidcProvider) -> None:
    assert sign_in(known, oidc)
    oidc.rotate(2)
    assert sign_in(known, oidc)
    assert oidc.asked.count("/keys") == 2
    oidc.sign = sign_with(rsa_key(3))
    refusal(known, oidc)
    assert oidc.asked.count("/keys") == 3, "asked again once, not for ever"


def test_a_key_that_was_withdrawn_is_forgotten(
    known: KnownProvider, oidc: OidcProvider, fake_clock: FakeClock
) -> None:
    assert sign_in(known, oidc)
    oidc.keys = [rsa_key(2)]
    fake_clock.advance(hours=1)
    assert refusal(known, oidc).fault is ProviderFault.TOKEN


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_keys_that_may_have_signed_nothing(known: KnownProvider, oidc: OidcProvider) -> None:
    public = rsa_key(1).as_dict(private=False)
    useless = [
        {**public, "use": "enc"},
        {"kty": "oct", "kid": "rsa-1", "k": OctKey.generate_key().as_dict()["k"]},
        {**public, "n": "AQAB"},
        rsa_key(4, 1024).as_dict(private=False),
        {"kty": "RSA", "kid": "rsa-1"},
        {"kty": "EC", "kid": "rsa-1", "crv": "P-0", "x": "", "y": ""},
        {"kty": ["RSA"]},
        {},
        "key",
        None,
    ]
    oidc.instead["/keys"] = answer(200, body=json.dumps({"keys": useless}).encode())
    assert "holds no key" in refusal(known, oidc).detail
    oidc.instead["/keys"] = answer(200, body=json.dumps({"keys": [*useless, public]}).encode())
    assert sign_in(known, oidc)


@pytest.mark.parametrize("keys", [{}, {"keys": "x"}, {"keys": {}}, [], 5])
def test_no_key_set(known: KnownProvider, oidc: OidcProvider, keys: object) -> None:
    oidc.instead["/keys"] = answer(200, body=json.dumps(keys).encode())
    assert refusal(known, oidc).fault is ProviderFault.NONSENSE


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"issuer": "https://evil.example.com"}, "names the issuer https://evil.example.com"),
        ({"issuer": None}, "names the issuer None"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no usable authorization_endpoint"),
        ({"authorization_endpoint": None}, "no usable authorization_endpoint"),
        ({"token_endpoint": "ftp://id.example.com/"}, "no usable token_endpoint"),
        ({"token_endpoint": "http://["}, "no usable token_endpoint"),
        ({"jwks_uri": ["http://127.0.0.1/"]}, "no usable jwks_uri"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "no signature that is safe"),
        ({"code_challenge_methods_supported": ["plain"]}, "does not support PKCE"),
    ],
)
def test_documents_that_cannot_be_used(
    known: KnownProvider, oidc: OidcProvider, metadata: dict[str, Any], words: str
) -> None:
    oidc.metadata = metadata
    error = refusal(known, oidc)
    assert error.fault is ProviderFault.NONSENSE
    assert words in error.detail


def test_a_slash_at_the_end_of_the_issuer_counts(known: KnownProvider, oidc: OidcProvider) -> None:
    with_slash = replace(known.provider, issuer=f"{oidc.issuer}/")
    assert "up to the last slash" in refusal(KnownProvider(with_slash), oidc).detail
    other = KnownProvider(with_slash)
    oidc.metadata = {"issuer": f"{oidc.issuer}/"}
    oidc.change = lambda claims: claims | {"iss": f"{oidc.issuer}/"}
    own = Secrets.make()
    back = parameters_of(oidc.visit(authorization_url(other, own))) | {"iss": f"{oidc.issuer}/"}
    assert take_answer_of(other, back, own, clock.utcnow())


def test_a_document_may_not_lead_into_the_local_network(
    known: KnownProvider, oidc: OidcProvider
) -> None:
    oidc.metadata = {"token_endpoint": "http://127.0.0.2:9/token"}
    error = refusal(known, oidc)
    assert error.fault is ProviderFault.UNREACHABLE
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in error.detail


PATHS = ["/.well-known/openid-configuration", "/token", "/keys"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (hang, ProviderFault.UNREACHABLE),
        (reset, ProviderFault.UNREACHABLE),
        (answer(503), ProviderFault.UNREACHABLE),
        (answer(429), ProviderFault.UNREACHABLE),
        (answer(302, {"Location": "http://127.0.0.1:9/"}), ProviderFault.UNREACHABLE),
        (answer(404), ProviderFault.NONSENSE),
        (answer(200), ProviderFault.NONSENSE),
        (answer(200, body=b"<html>"), ProviderFault.NONSENSE),
        (answer(200, body=b"[" * 60_000), ProviderFault.NONSENSE),
        (flood(3), ProviderFault.NONSENSE),
    ],
    ids=["hangs", "resets", "503", "429", "redirects", "404", "empty", "html", "deep", "floods"],
)
def test_a_provider_that_does_not_behave(
    known: KnownProvider, oidc: OidcProvider, path: str, behaviour: Any, fault: ProviderFault
) -> None:
    oidc.instead[path] = behaviour
    own = Secrets.make()
    patient = 0.5 if behaviour is hang else known.provider.seconds
    with pytest.raises(ProviderError) as caught:
        sign_in(KnownProvider(replace(known.provider, seconds=patient)), oidc, own)
    assert caught.value.fault is fault
    assert caught.value.detail
    assert str(caught.value).startswith("Mock ")


def test_nobody_listens() -> None:
    with OidcProvider(clock.utcnow) as gone:
        provider = IdentityProvider(gone.issuer, CLIENT_ID, CLIENT_SECRET, BACK)
    with pytest.raises(ProviderError, match=r"^Single sign-on cannot be reached") as caught:
        authorization_url(KnownProvider(provider), Secrets.make())
    assert "127.0.0.1 could not be reached." in caught.value.detail


def test_a_failure_is_answered_again_for_five_seconds_and_no_longer(
    known: KnownProvider, oidc: OidcProvider, fake_clock: FakeClock
) -> None:
    oidc.instead[PATHS[0]] = answer(503)
    for _ in range(3):
        refusal(known, oidc)
    assert oidc.asked == PATHS[:1]
    oidc.instead.clear()
    fake_clock.advance(seconds=5)
    assert sign_in(known, oidc)


def test_the_document_is_read_again_after_an_hour(
    known: KnownProvider, oidc: OidcProvider, fake_clock: FakeClock
) -> None:
    sign_in(known, oidc)
    fake_clock.advance(minutes=59)
    sign_in(known, oidc)
    assert oidc.asked.count(PATHS[0]) == 1
    fake_clock.advance(minutes=1)
    sign_in(known, oidc)
    assert oidc.asked.count(PATHS[0]) == 2


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"], None])
def test_how_we_show_who_we_are(
    known: KnownProvider, oidc: OidcProvider, methods: list[str] | None
) -> None:
    oidc.metadata = {"token_endpoint_auth_methods_supported": methods}
    oidc.client_secret = "with: / + % ä"
    right = KnownProvider(replace(known.provider, client_secret=oidc.client_secret))
    assert sign_in(right, oidc)
    wrong = refusal(KnownProvider(known.provider), oidc)
    assert wrong.fault is ProviderFault.CLIENT
    assert "invalid_client" in wrong.detail
    assert "client secret is wrong or has expired" in str(wrong)


def test_other_refusals_of_the_token_endpoint(known: KnownProvider, oidc: OidcProvider) -> None:
    said = {"error": "unauthorized_client", "error_description": f"not {CLIENT_SECRET}"}
    for content, fault in (
        (said, ProviderFault.CLIENT),
        ({"error": "invalid_grant"}, ProviderFault.TOKEN),
        ({"error": "invalid_scope"}, ProviderFault.NONSENSE),
        ({"error": 5}, ProviderFault.NONSENSE),
    ):
        oidc.instead["/token"] = answer(400, body=json.dumps(content).encode())
        assert refusal(known, oidc).fault is fault
    oidc.instead["/token"] = answer(200, body=b'{"id_token": 5}')
    assert refusal(known, oidc).fault is ProviderFault.NONSENSE


def test_nothing_of_it_is_logged(
    known: KnownProvider, oidc: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        sign_in(known, oidc)
    assert CLIENT_SECRET not in caplog.text
    assert not any(code in caplog.text for code in oidc.granted)
