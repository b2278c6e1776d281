"""The files that pages load: style and scripts. An address that names the version of its file may be kept for
ever."""

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Response

from waiting_list.calls import Call, PublicRoute, takes_gzip
from waiting_list.problems import NotFound

router = APIRouter(route_class=PublicRoute, include_in_schema=False)

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_EMBEDDED = ("widget.js", "challenge.js")
"""The files that pages of others may load: the widget, and what it loads where a list asks for a challenge."""


class StaticFile(NamedTuple):
    """A file of `static/` as it is sent; `version` changes with it."""

    body: bytes
    gzipped: bytes
    media_type: str
    version: str


def _read() -> dict[str, StaticFile]:
    found = {}
    for file in (files("waiting_list") / "static").iterdir():
        body, kind = file.read_bytes(), file.name.rpartition(".")[2]
        found[file.name] = StaticFile(
            body, gzip.compress(body, 9, mtime=0), _KINDS[kind], hashlib.sha256(body).hexdigest()[:12]
        )
    return found


_FILES: Mapping[str, StaticFile] = _read()


def static(name: str) -> str:
    """The address of a file, with its version."""
    return f"/static/{name}?v={_FILES[name].version}"


@router.get("/static/{name}")
async def get_static(call: Call, name: str, v: str | None = None) -> Response:
    """A file of the pages."""
    file = _FILES.get(name)
    if file is None:
        raise NotFound("There is no such file.")
    zipped = takes_gzip(call.headers.get("accept-encoding", ""))
    # Two forms of the same: the tag of the second is weak (RFC 9110, 8.8.1).
    tag = f'W/"{file.version}"' if zipped else f'"{file.version}"'
    # Who names no version, as shops do that embed the widget, has the next one within minutes of an upgrade.
    kept = "public, max-age=31536000, immutable" if v == file.version else "public, max-age=300"
    headers = {
        "Cache-Control": kept,
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if name in _EMBEDDED:
        headers |= {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    if f'"{file.version}"' in call.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(file.gzipped if zipped else file.body, 200, headers, media_type=file.media_type)
