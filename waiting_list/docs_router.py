"""The API for reading: `/openapi.json`, and `/docs`, which shows it with Swagger UI.

Both are the same for everybody, and made once in a process. Swagger UI is a file of ours like the others, so that
no script of another host ever runs on the origin where organizers are signed in.
"""

import json
from functools import cache, lru_cache

from fastapi import APIRouter, FastAPI, Response

from waiting_list import page_addresses
from waiting_list.calls import Call, PublicRoute
from waiting_list.i18n import environment
from waiting_list.page_addresses import DOCS, OPENAPI
from waiting_list.pages import HEADERS
from waiting_list.static_router import StaticFile, answer_file, static

_KEPT = {"Cache-Control": "public, max-age=300"}
"""An upgrade is seen within minutes."""
_HEADERS_OF_PAGE = (
    HEADERS
    | _KEPT
    # The icons of Swagger UI's style are data: addresses. Nothing else is allowed here that other pages may not.
    | {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; img-src 'self' data:"}
)


class DocsRoute(PublicRoute):
    """Anyone may read, and add to the address what they like."""

    takes_any_query = True


router = APIRouter(route_class=DocsRoute, include_in_schema=False)


@router.get(OPENAPI)
async def get_openapi(call: Call) -> Response:
    """The API document (OpenAPI)."""
    return answer_file(call, _document(call.app), _KEPT)


@router.get(DOCS)
async def show_docs(call: Call) -> Response:
    """The API document as a page, on which calls can be tried out. In English, as the document is."""
    return answer_file(call, _page(), _HEADERS_OF_PAGE)


@lru_cache(maxsize=1)
def _document(app: FastAPI) -> StaticFile:
    body = json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":"))
    return StaticFile.of(body.encode(), "application/json")


@cache
def _page() -> StaticFile:
    html = environment("en").get_template("pages/docs.html").render(static=static, to=page_addresses)
    return StaticFile.of(html.encode(), "text/html")
