"""Answer a refusal as a problem (RFC 9457)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from waiting_list.fields import LOCAL_ADDRESS, LOCAL_ADDRESS_HINT, Frozen
from waiting_list.lists.challenges import Challenge
from waiting_list.lists.models import ActiveList, Entry, Inventory
from waiting_list.problems import InternalError, InvalidRequest, MethodNotAllowed, NotFound, Problem

T = TypeVar("T")
_ORGANIZER = "/v1/organizer/"
_SLASHES = re.compile("/{2,}")
PROBLEM_JSON = "application/problem+json"
REQUEST_ID_HEADER = b"x-request-id"
REQUEST_ID_KEY = "waiting_list.request_id"
"""The key of the request id in the scope of a call. web/http_layer.py sets it."""
CACHE_CONTROL = b"cache-control"
PUBLIC_PATH = "waiting_list.public_path"
"""The key of the path of the public address in the scope of a call, if it has one. web/public_path.py sets it."""
PRIVATE = "private, no-store"
"""The default `Cache-Control`: only the caller may store the answer."""
ALLOWANCE = "waiting_list.allowance"
"""The key of the caller's remaining rate limit in the scope of a call (access/rate_limits.py)."""


class FieldError(Frozen):
    """The error of one field or parameter."""

    field: str
    message: str


def _may_be_absent(schema: dict[str, Any]) -> None:
    del schema["default"]


Absent = Field(default=None, json_schema_extra=_may_be_absent)
"""The default of a field that only some problems have. It is never null."""


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457). The refused call has changed no data.

    Every problem has the fields up to `code`. The other fields come with some codes only.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | SkipJsonSchema[None] = Absent
    entry: Entry | SkipJsonSchema[None] = Absent
    inventory: Inventory | SkipJsonSchema[None] = Absent
    challenge: Challenge | SkipJsonSchema[None] = Absent
    maximum: int | SkipJsonSchema[None] = Absent
    available: int | SkipJsonSchema[None] = Absent
    free: int | SkipJsonSchema[None] = Absent
    held: int | SkipJsonSchema[None] = Absent
    lists: list[ActiveList] | SkipJsonSchema[None] = Absent
    draw_at: datetime | SkipJsonSchema[None] = Field(
        default=None, json_schema_extra=_may_be_absent, description="From when on the lots can be drawn."
    )


def document(problem: Problem, instance: str) -> dict[str, Any]:
    """Make the body of the answer to a refused call."""
    return {
        "type": f"urn:waiting-list:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        **{name: _as_json(value) for name, value in problem.extra.items()},
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_json(one) for one in value]
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


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
            "message": _message(request.scope, one),
        }
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors[:5])
    return problem_response(request.scope, InvalidRequest(detail, errors=errors))


def _message(scope: Scope, error: Mapping[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    # Fans cannot change a setting.
    if error["type"] == LOCAL_ADDRESS and scope["path"].startswith(_ORGANIZER):
        message += f". {LOCAL_ADDRESS_HINT}"
    return message


def problem_of(request: Request, error: HTTPException) -> Problem:
    """Return the problem for what the framework refuses: a path, a method, or a body that it cannot parse."""
    match error.status_code:
        case 404 if _exists(request.scope, _SLASHES.sub("/", request.scope["path"]).removesuffix("/")):
            return NotFound("This path does not exist. Send the request without the extra slash.")
        case 404:
            return NotFound("This path does not exist.")
        case 405:
            methods = ", ".join(_methods(request.scope))
            return MethodNotAllowed(f"Use one of these methods: {methods}.", headers={"Allow": methods})
        case 400:
            cause = error.__cause__
            return cause if isinstance(cause, InvalidRequest) else InvalidRequest.of("body", "is not valid JSON")
        case _:
            return InternalError("Something went wrong on our side.")


def _methods(scope: Scope) -> list[str]:
    """Return the methods of all routes of this path."""
    routes = [route for route in scope["app"].routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in route.methods})


def without_slash(scope: Scope) -> str | None:
    """Return the last part of a path that exists only without the slash at its end; otherwise None."""
    path = scope["path"].removesuffix("/")
    if path == scope["path"] or not _exists(scope, path):
        return None
    sent: bytes = scope["raw_path"].partition(b"?")[0]
    return sent.removesuffix(b"/").rpartition(b"/")[2].decode("latin-1")


def _exists(scope: Scope, path: str) -> bool:
    other = {"type": "http", "path": path, "root_path": scope.get("root_path", ""), "method": scope["method"]}
    return any(route.matches(other)[0] is not Match.NONE for route in scope["app"].routes)


async def on_defect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    """Answer a call that hit a defect. The server logs the error."""
    return problem_response(request.scope, InternalError("Something went wrong on our side."))
