"""Run the proxies of ops/proxy with their files, on free ports, before a service that records requests."""

import asyncio
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.ports import free_port
from tests.support.until import until

CONFIGURATIONS = Path(__file__).parent.parent.parent / "ops" / "proxy"
PROGRAMS = {"nginx": "nginx", "haproxy": "haproxy", "caddy": "caddy"}
_FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}

STRIPPING = {
    "nginx": "rewrite ^/waiting(/.*)$ $1;",
    "haproxy": r"http-request replace-path ^/waiting(/.*)$ \1",
    "caddy": "uri strip_prefix /waiting",
}
"""The line with which each proxy removes a path. The documentation has the same."""
_BEFORE = {
    "nginx": "        proxy_http_version 1.1;",
    "haproxy": "    # Operators ask the service directly.",
    "caddy": "\t# Two years.",
}
"""The line of each file that this line stands before."""


def program(name: str) -> str | None:
    """Return the path of the proxy, also if it is only in the PATH of root."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@dataclass
class Proxy:
    """A running proxy. Strangers use `url`, or `plain_url` without TLS."""

    name: str
    port: int
    plain_port: int
    folder: Path
    tls: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain_port}"

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client that is a stranger, at `local_address` if given."""
        transport = httpx.AsyncHTTPTransport(
            verify=self.tls, local_address=options.pop("local_address", None), http2=False
        )
        return httpx.AsyncClient(base_url=self.url, transport=transport, timeout=20, **options)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for raw bytes."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost")

    async def status(self, raw: bytes) -> int:
        """Return the status of the answer to these bytes."""
        reader, writer = await self.connect()
        writer.write(raw)
        line = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        return int(line.split()[1])

    def logs(self) -> str:
        """Return the text of all logs of the proxy."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


def _changed(name: str, changes: Mapping[str, str]) -> str:
    text = (CONFIGURATIONS / _FILES[name]).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{_FILES[name]} has no {old!r} any more"
        text = text.replace(old, new)
    return text


def _changes(proxy: Proxy, upstream: int) -> dict[str, str]:
    """Return what differs from the proxy's file: ports, paths, the name, the certificate."""
    folder = proxy.folder
    match proxy.name:
        case "nginx":
            return {
                "user www-data;": "user root;",
                "http {\n": "http {\n"
                + "".join(
                    f"    {kind}_temp_path {folder}/{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
                ),
                "/run/nginx.pid": f"{folder}/pid",
                "/var/log/nginx/": f"{folder}/",
                "/var/cache/nginx/": f"{folder}/",
                "/etc/ssl/waiting-list.example.pem": f"{folder}/certificate.pem",
                "/etc/ssl/waiting-list.example.key": f"{folder}/certificate.pem",
                "listen 80": f"listen 127.0.0.1:{proxy.plain_port}",
                "listen 443": f"listen 127.0.0.1:{proxy.port}",
                # Twice: there is a next one, should it repeat something.
                "server 127.0.0.1:8000 max_fails=0;": f"server 127.0.0.1:{upstream} max_fails=0;" * 2,
                "Host $host;": f"Host $host:{proxy.port};",
                "waiting-list.example": "localhost",
            }
        case "haproxy":
            return {
                "maxconn 20000": "maxconn 500",
                "bind :80": f"bind 127.0.0.1:{proxy.plain_port}",
                "bind :443": f"bind 127.0.0.1:{proxy.port}",
                "/etc/ssl/waiting-list.example.pem": f"{folder}/certificate.pem",
                "127.0.0.1:8000": f"127.0.0.1:{upstream}",
                "waiting-list.example": "localhost",
            }
        case _:
            return {
                "{\n\t# A stream": f"{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {proxy.plain_port}\n"
                f"\thttps_port {proxy.port}\n\t# A stream",
                "\nwaiting-list.example {\n": f"\nlocalhost {{\n\ttls {folder}/certificate.pem"
                f" {folder}/certificate.pem\n",
                "127.0.0.1:8000": f"127.0.0.1:{upstream}",
            }


def _command(name: str, file: Path) -> list[str]:
    found = program(name)
    assert found, f"there is no {name}"
    match name:
        case "nginx":
            return [found, "-p", str(file.parent), "-c", str(file), "-g", "daemon off;"]
        case "haproxy":
            return [found, "-db", "-f", str(file)]
        case _:
            return [found, "run", "--adapter", "caddyfile", "--config", str(file)]


def _certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for localhost, and return a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.touch(0o600)
    file.write_bytes(certificate + private)
    return ssl.create_default_context(cadata=certificate.decode())


@asynccontextmanager
async def proxied(
    name: str, folder: Path, upstream: int, port: int | None = None, *, seconds: int = 10, strips: bool = False
) -> AsyncIterator[Proxy]:
    """Run the proxy of this name before the server on the loopback's port `upstream`.

    `seconds` is how long the proxy waits for a body. With `strips`, it removes the path /waiting from requests.
    """
    proxy = Proxy(name, port or free_port(), free_port(), folder, _certificate(folder))
    file = folder / _FILES[name]
    changes = _changes(proxy, upstream)
    if strips:
        changes[_BEFORE[name]] = f"{STRIPPING[name]}\n{_BEFORE[name]}"
    text = _changed(name, changes)
    text = re.sub(r"(client_body_timeout|timeout http-request) 10s", rf"\1 {seconds}s", text)
    file.write_text(text, encoding="utf-8")
    environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            _command(name, file), cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )

    async def listens() -> bool:
        assert process.poll() is None, proxy.logs()
        try:
            _, writer = await proxy.connect()
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens, seconds=20)
        yield proxy
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


@dataclass
class Recorder:
    """A service that records each request and answers when it is complete. It closes the connection of /drop."""

    port: int = 0
    begun: int = 0
    """How many requests have begun to arrive, beside /health/ready."""
    requests: list[bytes] = field(default_factory=list)
    """Those that came whole: request line, headers, body."""
    connections: int = 0
    """Those that something was asked on."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the connection of a stream, which is what /live answers, was closed from the other side."""
    talks: bool = False
    """Whether a stream has comments, too."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted = False
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith((b"GET /health/ready", b"OPTIONS ")):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    continue
                self.begun += 1
                self.connections += not counted
                counted = True
                body = b""
                if found := re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE):
                    body = await reader.readexactly(int(found[1]))
                elif re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
                    body = await reader.readuntil(b"0\r\n\r\n")
                self.requests.append(head + body)
                if b"/drop" in head.partition(b"\r\n")[0]:
                    return
                if b"/live" in head.partition(b"\r\n")[0]:
                    kind = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked"
                    writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n9\r\ndata: 1\n\n\r\n" % kind)
                    gone = asyncio.ensure_future(reader.read())
                    while not (await asyncio.wait([gone], timeout=0.1))[0]:
                        writer.write(b"3\r\n:\n\n\r\n" if self.talks else b"")
                    self.left.set()
                    return
                kept = b"public, max-age=1" if b"/queue" in head else b"private, no-store"
                writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: %b\r\nContent-Length: 2\r\n\r\n{}" % kept)
                if re.search(rb"\r\nconnection: *close", head, re.IGNORECASE):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def headers(self, which: int = -1) -> list[tuple[str, str]]:
        """Return the headers of a request, with names in lower case."""
        head = self.requests[which].partition(b"\r\n\r\n")[0].decode("latin-1")
        pairs = (line.partition(":") for line in head.split("\r\n")[1:])
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def asked(self) -> list[str]:
        """Return method and path of each request."""
        return [" ".join(one.split(b" ", 2)[:2][i].decode("latin-1") for i in (0, 1)) for one in self.requests]


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    async with await asyncio.start_server(recorder, "127.0.0.1", 0, limit=1 << 20) as server:
        recorder.port = server.sockets[0].getsockname()[1]
        yield recorder
        server.close()
