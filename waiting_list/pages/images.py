"""Serve what makes the look of organizations: images, logos, and the style sheet of a colour."""

import hashlib

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list.catalogue.images import MEDIA_TYPES
from waiting_list.looks import Accent, style_of
from waiting_list.page_addresses import ACCENT, IMAGE, SMALL_IMAGE
from waiting_list.problems import NotFound
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import ToolRoute

router = APIRouter(route_class=ToolRoute, include_in_schema=False)
_FOR_EVER = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"
_ACCENT: TypeAdapter[str] = TypeAdapter(Accent)


@router.get(IMAGE)
async def get_image(call: ApiRequest, name: str) -> Response:
    """Send an image or a logo."""
    found = await call.service.images.read(name)
    return _answer(call, found, name, _FOR_EVER, MEDIA_TYPES[name.rpartition(".")[2]])


@router.get(SMALL_IMAGE)
async def get_small_image(call: ApiRequest, name: str) -> Response:
    """Send the small form of an image."""
    found = await call.service.images.read(name, small=True)
    return _answer(call, found, f"small-{name}", _FOR_EVER, MEDIA_TYPES[name.rpartition(".")[2]])


@router.get(ACCENT)
async def get_accent(call: ApiRequest, colour: str) -> Response:
    """Send the style sheet of a colour. It follows from the colour alone."""
    try:
        style = style_of(_ACCENT.validate_python(f"#{colour}")).encode()
    except ValidationError:
        raise NotFound("There is no such style sheet.") from None
    return _answer(call, style, hashlib.sha256(style).hexdigest()[:12], _A_DAY, "text/css")


def _answer(call: ApiRequest, body: bytes, version: str, kept: str, media_type: str) -> Response:
    tag = f'"{version}"'
    # Widgets on pages of shops, and mail programs, show logos, too.
    headers = {
        "Cache-Control": kept,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
    }
    known = call.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type=media_type)
