"""A small S3-compatible store: it checks AWS Signature Version 4 of each request, and keeps files in memory."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from aiohttp import web

KEY_ID, SECRET, BUCKET, REGION = "AKIAEXAMPLE", "a secret/of+the bucket", "pictures", "eu-west-3"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=(\w{64})"
)


def signature(
    secret: str, region: str, method: str, path: str, query: str, headers: Mapping[str, str], signed: str
) -> str:
    """Return the signature of a request, as AWS describes it; `headers` have names in small letters."""
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed.split(";"))
    canonical = "\n".join((method, path, query, lines, signed, headers["x-amz-content-sha256"]))
    day = headers["x-amz-date"][:8]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Store:
    """What the server keeps, and how it behaves."""

    address: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """The content and the media type by the name."""
    requests: list[str] = field(default_factory=list)
    is_down: bool = False
    """Answer 503 to all."""
    hold: asyncio.Event | None = None
    """What a GET waits for."""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request as S3 does."""
        bucket, _, name = request.path.removeprefix("/").partition("/")
        body = await request.read()
        self.requests.append(f"{request.method} {name}")
        if self.is_down:
            return _error(503, "SlowDown")
        if why := self._refusal(request, body):
            return _error(403, why)
        return await self._kept(request, name, body) if bucket == BUCKET else _error(404, "NoSuchBucket")

    async def _kept(self, request: web.Request, name: str, body: bytes) -> web.Response:
        if request.method == "PUT":
            self.files[name] = body, request.headers["Content-Type"]
            return web.Response(headers={"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})
        if request.method == "DELETE":
            self.files.pop(name, None)
            return web.Response(status=204)
        if self.hold:
            await self.hold.wait()
        if request.method != "GET" or name not in self.files:
            return _error(404, "NoSuchKey")
        content, media_type = self.files[name]
        headers = {"ETag": '"1"', "Last-Modified": "Mon, 30 Nov 2026 09:00:00 GMT", "Content-Type": media_type}
        return web.Response(body=content, headers=headers)

    def _refusal(self, request: web.Request, body: bytes) -> str | None:
        found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        if found is None:
            return "AccessDenied"
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        key_id, _, region, signed, sent = found.groups()
        path = quote(unquote(request.rel_url.raw_path), safe="/-._~")
        ours = signature(SECRET, REGION, request.method, path, request.query_string, headers, signed)
        known = key_id == KEY_ID and region == REGION and "host" in signed.split(";")
        return None if known and hmac.compare_digest(ours, sent) else "SignatureDoesNotMatch"


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>")


@asynccontextmanager
async def s3_server() -> AsyncIterator[Store]:
    """Run the store on the loopback."""
    store = Store()
    application = web.Application(client_max_size=20 * 1024 * 1024)
    application.router.add_route("*", "/{anything:.*}", store.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    store.address = f"http://127.0.0.1:{runner.addresses[0][1]}/{BUCKET}"
    try:
        yield store
    finally:
        await runner.cleanup()
