"""Serve the API document: `/openapi.json`, and `/docs`, which shows it with Swagger UI.

Both are the same for all readers, and made once in a process. The service serves the file of Swagger UI itself, so
that scripts of other hosts never run on the origin where organizers are signed in.
"""

import json
from functools import cache, lru_cache

from fastapi import APIRouter, FastAPI, Response

from waiting_list.page_addresses import DOCS, OPENAPI
from waiting_list.pages.page import HEADERS
from waiting_list.pages.rendering import render
from waiting_list.pages.static_files import StaticFile, answer_file
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import ToolRoute

_KEPT = {"Cache-Control": "public, max-age=300"}
"""Short, so that readers see an upgrade within minutes."""
_HEADERS_OF_PAGE = (
    HEADERS
    | _KEPT
    # The icons of Swagger UI's style are data: addresses. All other rules are those of other pages.
    | {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; img-src 'self' data:"}
)


router = APIRouter(route_class=ToolRoute, include_in_schema=False)


@router.get(OPENAPI)
async def get_openapi(call: ApiRequest) -> Response:
    """Show the API document (OpenAPI)."""
    return await answer_file(call, _document(call.app), _KEPT)


@router.get(DOCS)
async def show_docs(call: ApiRequest) -> Response:
    """Show the API document as a page, where readers can try calls. It is in English, like the document."""
    return await answer_file(call, _page(call.service.settings.public_path), _HEADERS_OF_PAGE)


@lru_cache(maxsize=1)
def _document(app: FastAPI) -> StaticFile:
    body = json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":"))
    return StaticFile(body.encode(), "application/json")


@cache
def _page(public_path: str) -> StaticFile:
    return StaticFile(render("docs.html", "en", public_path).encode(), "text/html")
