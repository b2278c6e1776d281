"""How the service answers: problems as RFC 9457, listings, and what OpenAPI says of both."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from waiting_list.cors import allowed
from waiting_list.fields import Frozen
from waiting_list.list_settings import ListSettings
from waiting_list.models import Entry, Inventory
from waiting_list.problems import (
    BodyTooLarge,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    RateLimited,
    RequestTimeout,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

T = TypeVar("T")
PROBLEM_JSON = "application/problem+json"
REQUEST_ID_HEADER = b"x-request-id"
REQUEST_ID_KEY = "waiting_list.request_id"
"""Where the scope of a call keeps its id (observe.py)."""
CACHE_CONTROL = b"cache-control"
PRIVATE = "private, no-store"
"""The `Cache-Control` of every answer that does not declare another: it is for its reader alone."""
ALLOWANCE = "waiting_list.allowance"
"""Where the scope of a call keeps what is left to its caller (limits.Allowance)."""


class Listing(Frozen, Generic[T]):
    """Some of a listing; `next_cursor` fetches what follows, null at the end."""

    items: list[T]
    next_cursor: str | None


class ChangedEntry(Entry):
    """The entry that a call changed, and the entries that it made ready."""

    promoted: list[Entry]


class ChangedInventory(Inventory):
    """The stock after a call, and the entries that the call made ready."""

    promoted: list[Entry]


class ChangedSettings(ListSettings):
    """The settings after a call, and the entries that the call made ready."""

    promoted: list[Entry]


class UserToken(Frozen):
    """A token with which a page acts as a user, until it expires."""

    token: str
    expires_at: datetime


class FieldError(Frozen):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """RFC 9457. Some codes carry more: see each call."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | None = None


def document(problem: Problem, instance: str) -> dict[str, Any]:
    """The body of the answer to a refused call."""
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
    """The answer to a refused call; `instance` is its path as it was sent, without the query."""
    instance = (scope.get("raw_path") or b"/").partition(b"?")[0].decode("latin-1")
    # ASCII: a part of what was sent may be no valid Unicode.
    body = json.dumps(document(problem, instance), separators=(",", ":"))
    response = Response(body, problem.status, problem.headers, media_type=PROBLEM_JSON)
    if allowance := scope.get(ALLOWANCE):
        response.raw_headers += allowance.headers
    return response


async def on_problem(request: Request, error: Exception) -> Response:
    """Answers a refused call."""
    assert isinstance(error, Problem)
    return problem_response(request.scope, error)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Answers a request that FastAPI found malformed, without showing what was sent."""
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
    """Answers what the framework refuses: no such path, no such method, a body it cannot parse."""
    assert isinstance(error, HTTPException)
    problem: Problem
    match error.status_code:
        case 404:
            problem = NotFound("There is nothing at this path.")
        case 405:
            problem = MethodNotAllowed("This path does not take this method.", headers=error.headers)
        case 400:
            cause = error.__cause__
            problem = (
                cause if isinstance(cause, InvalidRequest) else InvalidRequest.of("body", "is not valid JSON")
            )
        case _:
            problem = InternalError("Something went wrong on our side.")
    return problem_response(request.scope, problem)


async def on_defect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    """Answers what should never happen; the server logs the error."""
    # Starlette answers this outside of all that stands before the application.
    headers = {"Cache-Control": PRIVATE, **allowed(request.scope["path"])}
    if request_id := request.scope.get(REQUEST_ID_KEY):
        headers[REQUEST_ID_HEADER.decode()] = request_id
    return problem_response(request.scope, InternalError("Something went wrong on our side.", headers=headers))


COMMON: tuple[type[Problem], ...] = (InvalidRequest, RateLimited, Unavailable)
AUTHENTICATED: tuple[type[Problem], ...] = (*COMMON, Unauthenticated, Forbidden)
WITH_BODY: tuple[type[Problem], ...] = (*AUTHENTICATED, UnsupportedMediaType, BodyTooLarge, RequestTimeout)
POSTED: tuple[type[Problem], ...] = (*WITH_BODY, IdempotencyKeyReused)


def declared(problems: Iterable[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the refusals of a call: one answer a status, an example for each code."""
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in dict.fromkeys(problems):
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": "; ".join(f"`{problem.code}`" for problem in found),
            "headers": _HEADERS.get(status, {}),
            "content": {
                PROBLEM_JSON: {
                    "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                    "examples": {problem.code: _example(problem) for problem in found},
                }
            },
        }
        for status, found in sorted(by_status.items())
    }


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_HEADERS: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def _example(problem: type[Problem]) -> dict[str, Any]:
    summary = " ".join((problem.__doc__ or "").split())
    return {
        "summary": summary,
        "value": {
            "type": f"urn:waiting-list:problem:{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.title + ".",
            "instance": "/v1/…",
            "code": problem.code,
            **problem.example,
        },
    }
