"""Answer a browser with a page where the service has no page.

Browsers say that they want HTML. Calls of the API get a problem, whatever they want.
"""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from waiting_list import page_addresses
from waiting_list.pages.page import HEADERS, PageRequest, page
from waiting_list.problems import MethodNotAllowed, NotFound, Problem
from waiting_list.web import problem_responses
from waiting_list.web.problem_responses import problem_of, problem_response, without_slash

_API = "/v1/"


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a refused call; for a browser that looks for a page, with a page."""
    assert isinstance(error, Problem)
    if isinstance(error, NotFound | MethodNotAllowed):
        return refuse(request.scope, error)
    return await problem_responses.on_problem(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses. Redirect a browser that sent a slash at the end of an address."""
    assert isinstance(error, HTTPException)
    if _wants_page(request) and request.method in ("GET", "HEAD") and (last := without_slash(request.scope)):
        return RedirectResponse(page_addresses.without_slash(last, request.url.query), 308, HEADERS)
    return await on_problem(request, problem_of(request, error))


def refuse(scope: Scope, problem: Problem) -> Response:
    """Make the answer to a refused call: a page for a browser that looks for a page, else a problem."""
    request = Request(scope)
    if not _wants_page(request):
        return problem_response(scope, problem)
    call = PageRequest(scope, request.receive)
    try:
        call.allow(call.service.limits.request_from(call.address))
    except Problem as limited:
        problem = limited
    headers = problem.headers | {"Vary": f"Accept, {HEADERS['Vary']}"}
    return page(call, "sorry.html", status=problem.status, headers=headers, problem=problem)


def _wants_page(request: Request) -> bool:
    return not request.scope["path"].startswith(_API) and "text/html" in request.headers.get("accept", "").lower()
