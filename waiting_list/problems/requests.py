"""Define the problems that any request can have, whatever it asks for."""

from collections.abc import Mapping
from typing import Any, ClassVar

from waiting_list.problems.problem import Problem


class InvalidRequest(Problem):
    """The request has malformed JSON, an unknown field, a value of the wrong type or range, or an invalid filter,
    cursor or id. The `errors` name each field."""

    code, status, title = "invalid_request", 422, "The request is malformed"
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"field": "body.tickets_wanted", "message": "Input should be greater than or equal to 1"}]
    }

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidRequest":
        """Make the problem of a single field."""
        return cls.of_several({field: message})

    @classmethod
    def of_several(cls, errors: Mapping[str, str]) -> "InvalidRequest":
        """Make the problem of several fields, from the message of each."""
        text = "; ".join(f"{field}: {message}" for field, message in errors.items())
        return cls(text, errors=[{"field": field, "message": message} for field, message in errors.items()])


class UnsupportedMediaType(InvalidRequest):
    """The body is not JSON, or its `Content-Type` does not say so."""

    code, status, title = "unsupported_media_type", 415, "The body is not JSON"
    example: ClassVar[Mapping[str, Any]] = {}


class BodyTooLarge(InvalidRequest):
    """The body is larger than 64 KiB, or than 16 MiB with a picture."""

    code, status, title = "body_too_large", 413, "The body is too large"
    example: ClassVar[Mapping[str, Any]] = {}


class Unauthenticated(Problem):
    """The request has no credentials, or they are invalid or have expired."""

    code, status, title = "unauthenticated", 401, "Valid credentials are required"


class Forbidden(Problem):
    """The credentials are valid, but do not allow this call."""

    code, status, title = "forbidden", 403, "These credentials do not allow this call"


class MethodNotAllowed(Problem):
    """The path exists, but does not support this method."""

    code, status, title = "method_not_allowed", 405, "The path does not support this method"


class IdempotencyKeyReused(Problem):
    """The caller has already used this Idempotency-Key for a different request."""

    code, status, title = "idempotency_key_reused", 422, "The Idempotency-Key was used for a different request"


class RequestTimeout(Problem):
    """The body took longer than ten seconds to arrive."""

    code, status, title = "request_timeout", 408, "The request took too long to arrive"


class RateLimited(Problem):
    """The caller, the address, the fan or the organization has reached a limit.
    `Retry-After` says how many seconds to wait."""

    code, status, title = "rate_limited", 429, "Too many requests"

    def __init__(self, detail: str = "Too many requests. Wait, then try again.", *, seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class InternalError(Problem):
    """The service has a defect. It rolled the transaction back and changed no data."""

    code, status, title = "internal_error", 500, "Something went wrong on our side"


class Unavailable(Problem):
    """The service cannot reach the database, or too many requests or exports are waiting. The request is safe to
    repeat."""

    code, status, title = "unavailable", 503, "The service is temporarily unavailable"

    def __init__(self, detail: str = "The service cannot answer right now. Try again in a moment.") -> None:
        super().__init__(detail, headers={"Retry-After": "1"})
