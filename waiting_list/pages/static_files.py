"""Serve the files that pages load: styles and scripts.

Browsers may keep an address with the version of its file for ever. `answer_file` also sends content that is made
once in a process, such as the API document. The texts of the widget are a file for each language, made from the
catalogues.
"""

import asyncio
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from waiting_list.page_addresses import DASHBOARD, FAVICON, MAILS, ROBOTS, STATIC, WORKER, address
from waiting_list.pages.widget_texts import file_names, texts_file
from waiting_list.problems import NotFound
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import takes_gzip
from waiting_list.web.routes import ToolRoute

router = APIRouter(route_class=ToolRoute, include_in_schema=False)

_MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "ts": "text/plain",
    "txt": "text/plain",
}
_TEXTS = file_names()
_EMBEDDED = ("widget.js", "widget-rules.js", "widget.d.ts", "challenge.js", *_TEXTS)
"""The files that pages of other sites may load: the widget, its types, its texts, and the scripts that it loads
for rules and for a challenge."""


class StaticFile:
    """A file in both forms. `version` changes with the content."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self.body = body
        self.media_type = media_type
        self.version = hashlib.sha256(body).hexdigest()[:12]
        self._gzipped: bytes | None = None

    async def gzipped(self) -> bytes:
        """Return the gzipped form. The first reader waits for it, so that the start of a process does not."""
        if self._gzipped is None:
            # In a thread, because Swagger UI takes 50 ms, and other calls go on.
            self._gzipped = await asyncio.to_thread(gzip.compress, self.body, 9, mtime=0)
        return self._gzipped


_FOLDER = files("waiting_list.pages") / "static"
_NAMES = frozenset(file.name for file in _FOLDER.iterdir()) | _TEXTS.keys()


_NO_VERSIONS = b'{ en: "" }'
"""What stands in the widget's source in place of the versions of its texts."""
_COMMENTS = re.compile(rb"^ *(?:// .*\n|/\*(?:[^*]|\*(?!/))*\*/\n)?", re.MULTILINE)
"""Lines of comments in our own styles and scripts, and indents: browsers load them without."""


@cache
def _file(name: str) -> StaticFile:
    # At the first use, because most processes never send the two megabytes of Swagger UI.
    assert name in _NAMES
    body = texts_file(_TEXTS[name]) if name in _TEXTS else (_FOLDER / name).read_bytes()
    if name == "widget.js":
        versions = {locale.lower(): _file(text).version for text, locale in _TEXTS.items()}
        assert body.count(_NO_VERSIONS) == 1
        body = body.replace(_NO_VERSIONS, json.dumps(versions, separators=(",", ":")).encode())
    if name.endswith((".css", ".js")) and not name.startswith("swagger"):
        body = _COMMENTS.sub(b"", body)
    return StaticFile(body, _MEDIA_TYPES[name.rpartition(".")[2]])


_MINUTES = {"Cache-Control": "public, max-age=300"}
"""For addresses without a version: browsers load a new file within minutes of an upgrade."""
# Robots must be able to read that a private link is not for them, so it is not listed here.
_ROBOTS = StaticFile(
    f"User-agent: *\nDisallow: /v1/\nDisallow: {DASHBOARD}\nDisallow: {MAILS}\n".encode(), "text/plain"
)


def static(name: str) -> str:
    """Return the address of a file, with its version."""
    return f"{address(STATIC, name=name)}?v={_file(name).version}"


async def answer_file(call: ApiRequest, file: StaticFile, headers: Mapping[str, str]) -> Response:
    """Answer with a file, gzipped if the client accepts that; or with 304 if the client has it.

    Each form has its own strong tag (RFC 9110, 8.8.3.3).
    """
    zipped = takes_gzip(call.headers.get("accept-encoding", ""))
    tag = f'"{file.version}-gzip"' if zipped else f'"{file.version}"'
    sent = {"X-Content-Type-Options": "nosniff"} | dict(headers) | {"ETag": tag, "Vary": "Accept-Encoding"}
    known = call.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(None, 304, sent)
    if zipped:
        sent["Content-Encoding"] = "gzip"
    return Response(await file.gzipped() if zipped else file.body, 200, sent, media_type=file.media_type)


@router.get(STATIC)
async def get_static(call: ApiRequest, name: str, v: str | None = None) -> Response:
    """Send a file of the pages."""
    if name not in _NAMES:
        raise NotFound("There is no such file.")
    file = _file(name)
    # Shops that embed the widget name no version.
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if v == file.version else _MINUTES
    headers = {**kept, "Cross-Origin-Resource-Policy": "same-origin"}
    if name in _EMBEDDED:
        headers |= {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    return await answer_file(call, file, headers)


@router.get(FAVICON)
async def get_favicon(call: ApiRequest) -> Response:
    """Send the icon to a browser that looks for it at the usual address."""
    return await answer_file(call, _file("icon.svg"), _MINUTES)


@router.get(WORKER)
async def get_worker(call: ApiRequest) -> Response:
    """Send the worker of fans' own places. Browsers look for a new one at each visit."""
    return await answer_file(call, _file("worker.js"), {"Cache-Control": "no-cache"})


@router.get(ROBOTS)
async def get_robots(call: ApiRequest) -> Response:
    """Tell search engines to read the pages for fans alone."""
    return await answer_file(call, _ROBOTS, _MINUTES)
