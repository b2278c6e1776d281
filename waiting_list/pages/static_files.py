"""The files that pages load: style and scripts. An address that names the version of its file may be kept for
ever. What is made once, such as the API document, is sent in the same way (`answer_file`)."""

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Response

from waiting_list.page_addresses import STATIC, address
from waiting_list.problems import NotFound
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import takes_gzip
from waiting_list.web.routes import PublicRoute

router = APIRouter(route_class=PublicRoute, include_in_schema=False)

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
_EMBEDDED = ("widget.js", "challenge.js")
"""The files that pages of others may load: the widget, and what it loads where a list asks for a challenge."""


class StaticFile(NamedTuple):
    """A file as it is sent; `version` changes with it."""

    body: bytes
    gzipped: bytes
    media_type: str
    version: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> "StaticFile":
        """The file with this content."""
        return cls(body, gzip.compress(body, 9, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:12])


def _read() -> dict[str, StaticFile]:
    return {
        file.name: StaticFile.of(file.read_bytes(), _KINDS[file.name.rpartition(".")[2]])
        for file in (files("waiting_list.pages") / "static").iterdir()
    }


_FILES: Mapping[str, StaticFile] = _read()


def static(name: str) -> str:
    """The address of a file, with its version."""
    return f"{address(STATIC, name=name)}?v={_FILES[name].version}"


def answer_file(call: ApiRequest, file: StaticFile, headers: Mapping[str, str]) -> Response:
    """The file, or 304 to a client that has it; gzipped for a client that can unzip it. Each of the two forms has
    a strong tag of its own (RFC 9110, 8.8.3.3)."""
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
    """A file of the pages."""
    file = _FILES.get(name)
    if file is None:
        raise NotFound("There is no such file.")
    # Who names no version, as shops do that embed the widget, has the next one within minutes of an upgrade.
    kept = "public, max-age=31536000, immutable" if v == file.version else "public, max-age=300"
    headers = {"Cache-Control": kept, "Cross-Origin-Resource-Policy": "same-origin"}
    if name in _EMBEDDED:
        headers |= {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    return answer_file(call, file, headers)
