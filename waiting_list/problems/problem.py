"""Define what all problems have in common, and the kinds of problem that others belong to."""

from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):
    """A refused call. The code that raises it has changed no data.

    `detail` is a sentence for people: what is wrong, then what to do. `extra` holds the fields that this code adds
    to the answer. `headers` are HTTP headers of the answer.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    example: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
        self.headers = dict(headers or {})

    @classmethod
    def kinds(cls) -> "list[type[Problem]]":
        """Return every class below this one that has a code of its own, and is raised."""
        below = [kind for child in cls.__subclasses__() for kind in (child, *child.kinds())]
        return [kind for kind in below if kind is not Conflict]


class NotFound(Problem):
    """The path does not exist."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(Problem):
    """The request is well formed, but the state of the list does not allow it."""

    code, status, title = "conflict", 409, "The current state does not allow this request"
