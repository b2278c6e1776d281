"""Serve the files that pages load: styles and scripts.

Browsers may keep an address with the version of its file for ever. `answer_file` also sends content that is made
once in a process, such as the API document.
"""

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Response

from waiting_list.page_addresses import DASHBOARD, FAVICON, MAILS, ROBOTS, STATIC, address
from waiting_list.problems import NotFound
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import takes_gzip
from waiting_list.web.routes import ToolRoute

router = APIRouter(route_class=ToolRoute, include_in_schema=False)

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
_EMBEDDED = ("widget.js", "challenge.js")
"""The files that pages of other sites may load: the widget, and the script that it loads for a challenge."""


class StaticFile(NamedTuple):
    """A file in both forms. `version` changes with the content."""

    body: bytes
    gzipped: bytes
    media_type: str
    version: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> "StaticFile":
        """Make the file with this content."""
        return cls(body, gzip.compress(body, 9, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:12])


def _read() -> dict[str, StaticFile]:
    return {
        file.name: StaticFile.of(file.read_bytes(), _MEDIA_TYPES[file.name.rpartition(".")[2]])
        for file in (files("waiting_list.pages") / "static").iterdir()
    }


_FILES: Mapping[str, StaticFile] = _read()
_MINUTES = {"Cache-Control": "public, max-age=300"}
"""For addresses without a version: browsers load a new file within minutes of an upgrade."""
# Robots must be able to read that a private link is not for them, so it is not listed here.
_ROBOTS = StaticFile.of(
    f"User-agent: *\nDisallow: /v1/\nDisallow: {DASHBOARD}\nDisallow: {MAILS}\n".encode(), "text/plain"
)


def static(name: str) -> str:
    """Return the address of a file, with its version."""
    return f"{address(STATIC, name=name)}?v={_FILES[name].version}"


def answer_file(call: ApiRequest, file: StaticFile, headers: Mapping[str, str]) -> Response:
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
    return Response(file.gzipped if zipped else file.body, 200, sent, media_type=file.media_type)


@router.get(STATIC)
async def get_static(call: ApiRequest, name: str, v: str | None = None) -> Response:
    """Send a file of the pages."""
    file = _FILES.get(name)
    if file is None:
        raise NotFound("There is no such file.")
    # Shops that embed the widget name no version.
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if v == file.version else _MINUTES
    headers = {**kept, "Cross-Origin-Resource-Policy": "same-origin"}
    if name in _EMBEDDED:
        headers |= {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    return answer_file(call, file, headers)


@router.get(FAVICON)
async def get_favicon(call: ApiRequest) -> Response:
    """Send the icon to a browser that looks for it at the usual address."""
    return answer_file(call, _FILES["icon.svg"], _MINUTES)


@router.get(ROBOTS)
async def get_robots(call: ApiRequest) -> Response:
    """Tell search engines to read the pages for fans alone."""
    return answer_file(call, _ROBOTS, _MINUTES)
