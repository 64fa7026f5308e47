"""An identity provider: a real HTTP server with real keys, which misbehaves on demand.

    with OidcProvider(now) as provider:
        provider.person = person(email="bo@example.com")
        back = provider.visit(url)              # what a browser does at the authorization endpoint
        provider.change = lambda claims: claims | {"aud": "somebody else"}
        provider.instead["/token"] = hang

It keeps to the protocol itself: a code works once, for the client, address and PKCE verifier that
it was made for.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.receivers.http_receiver import Behaviour, Handler, HttpReceiver

CLIENT_ID = "triagedesk"
CLIENT_SECRET = "mock-client-secret-0123456789"
ACCESS_TOKEN = "an-access-token"
LOG_IN_PAGE = """<!doctype html><html lang="en"><head><title>Mock provider</title></head><body>
<h1>Mock provider</h1><form method="post" action="/log-in?{query}"><button>Log in as {who}</button>
</form></body></html>"""

Claims = dict[str, Any]


@cache
def rsa_key(number: int, bits: int = 2048) -> RSAKey:
    """A key of its own for each number; making one takes a while."""
    return RSAKey.generate_key(bits, {"kid": f"rsa-{number}"}, private=True)


@cache
def ec_key(number: int) -> ECKey:
    """A key on P-256 for each number."""
    return ECKey.generate_key("P-256", {"kid": f"ec-{number}"}, private=True)


def person(**claims: Any) -> Claims:
    """Ada, with a verified address, but for what is given."""
    ada = {"sub": "ada-1", "email": "ada@example.com", "email_verified": True, "name": "Ada Okafor"}
    return {name: value for name, value in (ada | claims).items() if value is not None}


def sign_with(key: RSAKey | ECKey, algorithm: str = "RS256", **header: Any) -> Callable[..., str]:
    """Signs claims with a key, which the header names by its id."""

    def sign(claims: Claims) -> str:
        named = {"alg": algorithm, "kid": key.kid, **header}
        shown = {name: value for name, value in named.items() if value is not None}
        return jwt.encode(shown, claims, key, algorithms=[algorithm])

    return sign


def unsigned(claims: Claims) -> str:
    """A token with `alg: none`."""
    return ".".join((segment({"alg": "none", "typ": "JWT"}), segment(claims), ""))


def segment(value: Mapping[str, Any]) -> str:
    """A header or claims, as they stand in a token."""
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@dataclass
class Granted:
    """A code that was given out: what it was asked for with, and who signed in."""

    asked: Mapping[str, str]
    claims: Claims
    is_used: bool = False


@dataclass
class OidcProvider:
    """The provider; `now` is its clock. `change` alters the claims of each token before `sign`."""

    now: Callable[[], datetime]
    host: str = "127.0.0.1"
    person: Claims = field(default_factory=person)
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [rsa_key(1)])
    sign: Callable[[Claims], str] = field(default_factory=lambda: sign_with(rsa_key(1)))
    change: Callable[[Claims], Claims] = lambda claims: claims
    metadata: Claims = field(default_factory=dict)
    instead: dict[str, Behaviour] = field(default_factory=dict)
    client_secret: str = CLIENT_SECRET
    granted: dict[str, Granted] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._receiver = HttpReceiver(host=self.host)
        self._receiver.behaviour = self._behave
        self._receiver.__enter__()
        self.issuer = self._receiver.origin
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.__exit__()

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in their order."""
        return [urlsplit(request.path).path for request in self._receiver.requests]

    def rotate(self, number: int) -> None:
        """Sign with another key from now on, and list it alone."""
        self.keys, self.sign = [rsa_key(number)], sign_with(rsa_key(number))

    def visit(self, url: str) -> str:
        """Sign the person in who stands at the authorization endpoint; returns the way back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT_ID
        code = f"code-{len(self.granted) + 1}-{asked['nonce']}"
        self.granted[code] = Granted(asked, dict(self.person))
        return self.way_back(asked, code=code)

    def deny(self, url: str, error: str = "access_denied", **more: str) -> str:
        """Send the person back without a code."""
        return self.way_back(dict(parse_qsl(urlsplit(url).query)), error=error, **more)

    def way_back(self, asked: Mapping[str, str], **parameters: str) -> str:
        """The address at which the browser returns."""
        own = {"state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(own | parameters)}"

    def claims_for(self, granted: Granted) -> Claims:
        """What a token says before `change`."""
        now = int(self.now().timestamp())
        half = sha256(ACCESS_TOKEN.encode()).digest()[:16]
        own = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": granted.asked["nonce"],
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        if "max_age" in granted.asked:
            own["auth_time"] = now
        return own | granted.claims

    def _behave(self, handler: Handler) -> None:
        parts = urlsplit(handler.path)
        if parts.path in self.instead:
            self.instead[parts.path](handler)
        elif parts.path == "/.well-known/openid-configuration":
            _send_json(handler, 200, self._document())
        elif parts.path == "/keys":
            public = [{"use": "sig", **key.as_dict(private=False)} for key in self.keys]
            _send_json(handler, 200, {"keys": public})
        elif parts.path == "/token":
            _send_json(handler, *self._exchange())
        elif parts.path == "/authorize":
            page = LOG_IN_PAGE.format(query=escape(parts.query), who=escape(self.person["email"]))
            _send(handler, 200, "text/html", page.encode())
        elif parts.path == "/log-in":
            handler.begin(302, {"Location": self.visit(handler.path), "Content-Length": "0"})
        else:
            _send_json(handler, 404, {})

    def _document(self) -> Claims:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/log-out",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (own | self.metadata).items() if value is not None}

    def _exchange(self) -> tuple[int, Claims]:
        request = self._receiver.requests[-1]
        form = dict(parse_qsl(request.body.decode()))
        if self._credentials(form, request.headers) != (CLIENT_ID, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "The secret is wrong."}
        granted = self.granted.get(form.get("code", ""))
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            granted is None
            or granted.is_used
            or granted.asked["redirect_uri"] != form.get("redirect_uri")
            or granted.asked["code_challenge"] != challenge
        ):
            said = f"Code {form.get('code')} is not valid."
            return 400, {"error": "invalid_grant", "error_description": said}
        granted.is_used = True
        token = self.sign(self.change(self.claims_for(granted)))
        return 200, {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": token}

    @staticmethod
    def _credentials(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = b64decode(given).decode().partition(":")
            return unquote(name), unquote(secret)
        return form.get("client_id", ""), form.get("client_secret", "")


def _send_json(handler: Handler, status: int, content: Claims) -> None:
    _send(handler, status, "application/json", json.dumps(content).encode())


def _send(handler: Handler, status: int, kind: str, body: bytes) -> None:
    handler.begin(status, {"Content-Type": kind, "Content-Length": str(len(body))})
    handler.wfile.write(body)
