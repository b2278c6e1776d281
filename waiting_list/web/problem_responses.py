"""Answer a refusal as a problem (RFC 9457)."""

import json
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from waiting_list.fields import Frozen
from waiting_list.problems import InternalError, InvalidRequest, MethodNotAllowed, NotFound, Problem
from waiting_list.web.cors import allowed

T = TypeVar("T")
PROBLEM_JSON = "application/problem+json"
REQUEST_ID_HEADER = b"x-request-id"
REQUEST_ID_KEY = "waiting_list.request_id"
"""The key of the request id in the scope of a call. web/instrumentation.py sets it."""
CACHE_CONTROL = b"cache-control"
PUBLIC_PATH = "waiting_list.public_path"
"""The key of the path of the public address in the scope of a call, if it has one. web/public_path.py sets it."""
PRIVATE = "private, no-store"
"""The default `Cache-Control`: only the caller may store the answer."""
ALLOWANCE = "waiting_list.allowance"
"""The key of the caller's remaining rate limit in the scope of a call (access/rate_limits.py)."""


class FieldError(Frozen):
    """The error of one field."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """A problem (RFC 9457). Some codes have extra fields: see the examples of each call."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | None = None


def document(problem: Problem, instance: str) -> dict[str, Any]:
    """Make the body of the answer to a refused call."""
    return {
        "type": f"urn:waiting-list:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        **{k: v.model_dump(mode="json") if isinstance(v, BaseModel) else v for k, v in problem.extra.items()},
    }


def problem_response(scope: Scope, problem: Problem) -> Response:
    """Make the answer to a refused call. `instance` is the public path of the call, without the query."""
    path = (scope.get("raw_path") or b"/").partition(b"?")[0].decode("latin-1")
    instance = scope.get(PUBLIC_PATH, "") + path
    # ASCII, because a part of what the caller sent may be invalid Unicode.
    body = json.dumps(document(problem, instance), separators=(",", ":"))
    response = Response(body, problem.status, problem.headers, media_type=PROBLEM_JSON)
    if allowance := scope.get(ALLOWANCE):
        response.raw_headers += allowance.headers
    return response


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a refused call."""
    assert isinstance(error, Problem)
    return problem_response(request.scope, error)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that FastAPI found malformed. The answer does not repeat what the caller sent."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {
            "field": ".".join(str(part) for part in one["loc"]),
            "message": str(one["msg"]).removeprefix("Value error, "),
        }
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors[:5])
    return problem_response(request.scope, InvalidRequest(detail, errors=errors))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: an unknown path or method, or a body that it cannot parse."""
    assert isinstance(error, HTTPException)
    problem: Problem
    match error.status_code:
        case 404:
            problem = NotFound("This path does not exist.")
        case 405:
            problem = MethodNotAllowed("This path does not support this method.", headers=error.headers)
        case 400:
            cause = error.__cause__
            problem = (
                cause if isinstance(cause, InvalidRequest) else InvalidRequest.of("body", "is not valid JSON")
            )
        case _:
            problem = InternalError("Something went wrong on our side.")
    return problem_response(request.scope, problem)


async def on_defect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    """Answer a call that hit a defect. The server logs the error."""
    # Starlette sends this answer outside of all middleware.
    headers = {"Cache-Control": PRIVATE, **allowed(request.scope["path"])}
    if request_id := request.scope.get(REQUEST_ID_KEY):
        headers[REQUEST_ID_HEADER.decode()] = request_id
    return problem_response(request.scope, InternalError("Something went wrong on our side.", headers=headers))
