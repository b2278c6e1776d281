"""Describe the refusals of each call for OpenAPI: its problems, with examples and headers."""

from collections.abc import Iterable, Mapping
from typing import Any

from waiting_list.problems import (
    BodyTooLarge,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    Problem,
    RateLimited,
    RequestTimeout,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from waiting_list.web.problem_responses import PROBLEM_JSON

COMMON: tuple[type[Problem], ...] = (InvalidRequest, RateLimited, Unavailable)
"""The problems of every call."""
AUTHENTICATED: tuple[type[Problem], ...] = (*COMMON, Unauthenticated, Forbidden)
"""The problems of a call that needs credentials."""
WITH_BODY: tuple[type[Problem], ...] = (*AUTHENTICATED, UnsupportedMediaType, BodyTooLarge, RequestTimeout)
"""The problems of a call that may have a body."""
POSTED: tuple[type[Problem], ...] = (*WITH_BODY, IdempotencyKeyReused)
"""The problems of a call that takes an Idempotency-Key."""


def declared(problems: Iterable[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a call for OpenAPI: one answer for each status, with an example for each code."""
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


_RETRY_AFTER = {
    "Retry-After": {
        "description": "How many seconds to wait before the next request.",
        "schema": {"type": "integer"},
    }
}
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
