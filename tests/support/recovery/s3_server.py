"""A storage that speaks S3 over real HTTP: what backups ask of one, and no more."""

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS_KEY, SECRET_KEY = "desk", "a secret of the storage"


@dataclass
class S3Server:
    """What is stored, by bucket and key; `denied` answers everything with AccessDenied."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    denied: bool = False
    damages: bool = False
    requests: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    storage: S3Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _begin(self) -> tuple[str, dict[str, list[str]], bytes] | None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in (self.headers.get("X-Amz-Content-Sha256") or "").lower() or (
            "aws-chunked" in (self.headers.get("Content-Encoding") or "")
        ):
            body = _unchunk(body)
        self.storage.requests.append(f"{self.command} {parts.path}")
        is_signed = f"Credential={ACCESS_KEY}/" in (self.headers.get("Authorization") or "")
        if self.storage.denied or not is_signed:
            self._answer(403, _error("AccessDenied"))
            return None
        return unquote(parts.path), query, body

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if body.startswith(b"<"):
            self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        begun = self._begin()
        if begun is None:
            return
        path, query, _ = begun
        if "location" in query:
            self._answer(200, b"<LocationConstraint></LocationConstraint>")
        elif "list-type" in query:
            self._answer(200, self._listing(path, query))
        elif path in self.storage.objects:
            data = self.storage.objects[path]
            if self.storage.damages:
                data = data[:-1] + bytes([data[-1] ^ 1])
            self._answer(200, data, ETag='"x"', Last_Modified="Tue, 03 Nov 2026 02:00:00 GMT")
        else:
            self._answer(404, _error("NoSuchKey"))

    def _listing(self, path: str, query: dict[str, list[str]]) -> bytes:
        bucket = "/" + path.strip("/") + "/"
        prefix = unquote(query.get("prefix", [""])[0])
        found = [
            (key.removeprefix(bucket), len(data))
            for key, data in sorted(self.storage.objects.items())
            if key.startswith(bucket + prefix)
        ]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size><ETag>x</ETag>"
            "<LastModified>2026-11-03T02:00:00.000Z</LastModified></Contents>"
            for key, size in found
            if "/" not in key.removeprefix(prefix)
        )
        head = f"<Name>b</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode()

    def do_PUT(self) -> None:
        begun = self._begin()
        if begun is None:
            return
        path, query, body = begun
        if "uploadId" in query:
            self.storage.parts[path][int(query["partNumber"][0])] = body
        else:
            self.storage.objects[path] = body
        self._answer(200, ETag='"x"')

    def do_POST(self) -> None:
        begun = self._begin()
        if begun is None:
            return
        path, query, _ = begun
        if "uploads" in query:
            self.storage.parts[path] = {}
            answer = "<Bucket>b</Bucket><Key>k</Key><UploadId>1</UploadId>"
            self._answer(
                200,
                f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>".encode(),
            )
            return
        parts = self.storage.parts.pop(path)
        self.storage.objects[path] = b"".join(parts[number] for number in sorted(parts))
        answer = "<Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>x</ETag>"
        self._answer(
            200,
            f"<CompleteMultipartUploadResult>{answer}</CompleteMultipartUploadResult>".encode(),
        )

    def do_DELETE(self) -> None:
        begun = self._begin()
        if begun is not None:
            self.storage.objects.pop(begun[0], None)
            self._answer(204)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def _unchunk(body: bytes) -> bytes:
    """Take the signatures out of a body that was signed piece by piece."""
    found, rest = b"", body
    while match := re.match(rb"([0-9a-f]+)(?:;[^\r]*)?\r\n", rest):
        size = int(match[1], 16)
        found += rest[match.end() : match.end() + size]
        rest = rest[match.end() + size + 2 :]
        if not size:
            break
    return found


@contextmanager
def s3_server(tls: ssl.SSLContext | None = None) -> Iterator[S3Server]:
    """Serve a storage inside the block, over TLS where there is a certificate."""
    storage = S3Server()
    handler = type("Handler", (_Handler,), {"storage": storage})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    storage.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield storage
    server.shutdown()
    server.server_close()
    thread.join(10)
