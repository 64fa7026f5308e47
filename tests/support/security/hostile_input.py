"""Requests that nobody would send by mistake, drawn from a seeded generator."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote

from tests.support.attacks import ATTACKS
from tests.support.source_tree import ROOT
from tests.support.strict_html import parse

NUMBERS = (
    *("-1", "0", "1", "2", "2147483647", "2147483648", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775809", "9" * 400, "9" * 5000, "1e999", "NaN"),
    *("-Infinity", "1_0", "+1", " 1 ", "1.5", "0x1", "\u0661\u0662", "\u00b2", "\u2460", "01"),
)
TIMES = (
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59", "0000-00-00", "2026-02-30", "2026-13-01"),
    *("2026-11-29T25:61", "2026-W01", "24:00", "99:99", "9999-12-31T23:59:59+14:00", "1-1-1"),
    *("Europe/../../etc/passwd", "UTC\x00", "/etc/localtime", "Etc/GMT+99", "posixrules"),
)
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud800", "a\udfffb", "\ufffe", "\u202e\u2066x", "\x1b[31m"),
    *("' OR 1=1 --", "%", "%s%s%n", "{}", "{0.__class__}", "{{ 7*7 }}", "${7*7}", "\\", "\r\nX: y"),
    *("\xa0", "\u2028", "\u200b", "e" + "\u0301" * 500, "A" * 70_000, "\n" * 5000, "true", "None"),
    *("[]", '{"a": 1}', "null", "../../etc/passwd", "file:///etc/passwd", "//evil.example"),
    *("http://[::1", "http://[", "https://a:99999/", "http://\x00/", "https://user:p@w@h/"),
    *("https://evil.example\\@localhost/", "xn--a", "a@b@c", "a@[127.0.0.1]", "@", "a\u0000@b.c"),
)
SEARCHES = ("a" * 5000, '"', '"" OR *', "title:", "NEAR(", "AND", "a* b*", "^x", "-", "*", "(")
ADDRESS_NUMBERS = ("0", "2", "99", "2147483648", "9223372036854775808", "9" * 30)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"HX-Request": "true"},
    {"HX-Request": "true", "HX-Current-URL": "http://localhost/tickets?\xff"},
    {"HX-Request": "\xff", "HX-Target": "<b>", "HX-Trigger-Name": "'", "HX-Prompt": "x" * 5000},
    {"HX-Request": "true", "Sec-Fetch-Dest": "document"},
    {"HX-Current-URL": "http://[::1", "HX-Boosted": "true"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Site": "\xff"},
    {"Origin": "null", "Referer": "http://[::1"},
    {"Origin": "http://[", "Referer": "http://localhost:99999999/\xff"},
    {"Referer": "http://localhost/\x7f\xff?%00"},
    {"X-Forwarded-For": "'; --", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example"},
    {"Forwarded": 'for="[::"', "X-Real-IP": "999.9.9.9", "X-Forwarded-Prefix": "/../.."},
    {"X-Forwarded-Port": "99999999999", "X-Request-ID": "x" * 9000},
    {"X-Request-ID": "\xff %s {0} <b>", "User-Agent": "\xff" * 4000},
    {"User-Agent": "", "Accept": "\xff/*;q=9", "Accept-Language": "*;q=-1," * 500},
    {"Accept-Encoding": "\xff, gzip;q=nan", "Range": "bytes=9-1,-0", "If-Range": "\xff"},
    {"If-Modified-Since": "Thu, 99 Foo 99999", "If-None-Match": '"' * 50},
    {"If-Unmodified-Since": "Mon, 01 Jan 0000 00:00:00 GMT", "Cache-Control": "\xff"},
    {"Authorization": "Bearer \xff", "Proxy-Authorization": "Basic !!!"},
    {"Authorization": "Basic \xff\xff", "X-HTTP-Method-Override": "DELETE"},
    {"X-CSRFToken": "\xff", "X-CSRF-Token": "x" * 5000},
    {"Host": "evil.example"},
    {"Host": "localhost:99999999"},
    {"Host": "[::1"},
    {"Expect": "100-continue", "Transfer-Encoding": "chunked", "Upgrade": "websocket"},
    {"Cookie": "triagedesk_login=\xff; session=eyJ9.x.y; triagedesk_device=" + "d" * 3000},
    {"Content-Encoding": "gzip", "Content-Language": "\xff"},
)
"""Latin letters alone: that is what a server hands on."""

FILES = (
    ("a.csv", b"name\n\x00\n"),
    ("a.csv", b""),
    ("a.csv", b"\xff\xfea\x00b\x00"),
    ("../../evil.csv", b"name,name,name\n" + b'"' * 999),
    ("a\x00.csv", b"name\n" + b"x," * 9000),
    ("x" * 3000 + ".csv", "name;größe\n=1+1;@x\n".encode("utf-16")),
    ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
    ("a.csv", b"name\n" + b"\xed\xa0\x80\n" + b"A" * 200_000),
    ("", b"name\nClient\n"),
)
DEEP = "[" * 20_000
READ_FIELD = re.compile(r"""(?:args|form|files|values)(?:\.get|\.getlist)?[(\[]\s*"(\w+)\"""")
DECLARED_FIELD = re.compile(r"^    (\w+) = \w*Field\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HostileRequest:
    """One request, as the test client takes it, and whether its form could be taken for ours."""

    method: str
    path: str
    options: dict[str, Any] = field(repr=False)
    has_token: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path} {str(self.options)[:600]}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page, by its address without numbers, and its fields as they stand."""

    action: str
    fields: tuple[tuple[str, str], ...]


@cache
def field_names() -> tuple[str, ...]:
    """Every name of a field or parameter that a page reads."""
    found: set[str] = set()
    for path in sorted((ROOT / "webapp" / "web").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= {*READ_FIELD.findall(text), *DECLARED_FIELD.findall(text)}
    return tuple(sorted(found - {"csrf_token"}))


def forms_of(html: str, path: str) -> Iterator[Form]:
    """The forms of a page that send something."""
    for form in parse(html).iter("form"):
        if (form.get("method") or "get").lower() == "post":
            action = (form.get("action") or path).partition("?")[0]
            fields = [
                (one.get("name") or "", one.get("value") or "1")
                for one in form.iter()
                if one.tag in ("input", "select", "textarea", "button") and one.get("name")
            ]
            yield Form(action, tuple(fields))


class Attacker:
    """Draws requests; the same seed draws the same ones."""

    def __init__(self, seed: int, forms: Sequence[Form]) -> None:
        self._random = Random(seed)
        self._forms: dict[str, list[Form]] = {}
        for form in forms:
            self._forms.setdefault(re.sub(r"\d+", "1", form.action), []).append(form)

    def draw(self, rule: str, method: str, token: str) -> HostileRequest:
        """A request for a route; `token` is a form token of the session it is sent in."""
        path = self._path(rule)
        options: dict[str, Any] = {"headers": dict(self._random.choice(HEADERS))}
        if self._random.random() < 0.5 or method == "GET":
            options["query_string"] = _encoded(self._pairs(3))
        has_token = True
        if method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            has_token = self._random.random() < 0.85
            options |= self._body(path, token if has_token else self._text()[:500])
        return HostileRequest(method, path, options, has_token)

    def _path(self, rule: str) -> str:
        def fill(match: re.Match[str]) -> str:
            if match[0].startswith("<int:"):
                is_first = self._random.random() < 0.7
                return "1" if is_first else self._random.choice(ADDRESS_NUMBERS)
            return _quoted(self._text()[:2000]).replace("/", "%2F") or "x"

        return re.sub(r"<[^>]+>", fill, rule)

    def _body(self, path: str, token: str) -> dict[str, Any]:
        pairs = [("csrf_token", token), *self._fields(path)]
        kind = self._random.random()
        if kind < 0.7:
            return {
                "data": _encoded(pairs).encode(),
                "content_type": "application/x-www-form-urlencoded",
            }
        if kind < 0.92:
            return self._upload(pairs)
        headers = {"X-CSRFToken": token} if token.isascii() and token.isprintable() else {}
        body = self._random.choice(
            [DEEP, json.dumps(dict(pairs)), "{", '"\\ud800"', "null", '{"a":' * 9000, "\x00"]
        )
        kinds = ("application/json", "text/xml", "application/x-www-form-urlencoded; charset=x", "")
        return {
            "data": body.encode(errors="surrogatepass"),
            "content_type": self._random.choice(kinds),
            **({"headers": headers} if headers else {}),
        }

    def _fields(self, path: str) -> list[tuple[str, str]]:
        """A form of ours with some fields spoilt, so that the others pass; or anything."""
        forms = self._forms.get(re.sub(r"\d+", "1", path), [])
        if not forms or self._random.random() < 0.15:
            return self._pairs(6)
        fields = [one for one in self._random.choice(forms).fields if one[0] != "csrf_token"]
        for _ in range(self._random.randint(1, 3)):
            if not fields:
                break
            position = self._random.randrange(len(fields))
            name, value = fields[position]
            spoil = self._random.random()
            if spoil < 0.75:
                fields[position] = (name, self._text())
            elif spoil < 0.85:
                del fields[position]
            else:
                fields[position:position] = [(name, self._text()), (name, value)] * 20
        return fields

    def _pairs(self, most: int) -> list[tuple[str, str]]:
        names = field_names()
        return [
            (self._random.choice(names), self._text()) for _ in range(self._random.randint(0, most))
        ]

    def _text(self) -> str:
        kinds = (NUMBERS, TIMES, TEXTS, SEARCHES, ATTACKS)
        return self._random.choice(self._random.choice(kinds))

    def _upload(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        boundary = "edge"
        lines = [
            b'--edge\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            % (_bytes(name), _bytes(value))
            for name, value in pairs
        ]
        name, content = self._random.choice(FILES)
        upload = self._random.choice(("file", "upload", "csv", *field_names()))
        lines.append(
            b'--edge\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n'
            b"Content-Type: %b\r\n\r\n%b\r\n"
            % (
                _bytes(upload),
                _bytes(name),
                self._random.choice((b"text/csv", b"image/svg+xml; charset=x", b"\xff")),
                content,
            )
        )
        end = self._random.choice((b"--edge--\r\n", b"--edge--\r\n", b"", b"--edge"))
        return {
            "data": b"".join(lines) + end,
            "content_type": f"multipart/form-data; boundary={boundary}",
        }


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _quoted(text: str) -> str:
    return quote(_bytes(text), safe="")


def _encoded(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
