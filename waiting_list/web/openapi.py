"""Describe the answers of each call for OpenAPI: its problems, with examples, and its headers."""

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


_REFUSAL_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
"""The headers that refusals have besides those of every answer."""


def declared(problems: Iterable[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a call for OpenAPI: one answer for each status, with an example for each code."""
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in dict.fromkeys(problems):
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": "; ".join(f"{problem.title}: `{problem.code}`" for problem in found),
            "headers": sent(*_REFUSAL_HEADERS.get(status, ())),
            "content": {
                PROBLEM_JSON: {
                    "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                    "examples": {
                        problem.code: {"$ref": f"#/components/examples/{problem.code}"} for problem in found
                    },
                }
            },
        }
        for status, found in sorted(by_status.items())
    }


def sent(*names: str) -> dict[str, Any]:
    """Refer to headers of an answer. openapi_texts.py describes them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def summary(problem: type[Problem]) -> str:
    """Return when the API answers with a problem."""
    return " ".join((problem.__doc__ or "").split())


def example(problem: type[Problem]) -> dict[str, Any]:
    """Return the example of a problem."""
    return {
        "summary": summary(problem),
        "value": {
            "type": f"urn:waiting-list:problem:{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.title + ".",
            "instance": "/v1/user/waiting-lists/off_001/rep_001/entry",
            "code": problem.code,
            **problem.example,
        },
    }
