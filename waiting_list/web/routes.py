"""Define the routes of the API: authenticate the caller, count the call for its limits, and check the query.

`with_head` makes every GET of the service answer HEAD.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.access.user_tokens import User
from waiting_list.problems import InvalidRequest
from waiting_list.web.problem_responses import ALLOWANCE
from waiting_list.web.request import ApiRequest


class Route(APIRoute, ABC):
    """A route that authenticates the caller first, and then refuses unknown query parameters.

    Each router names its subclass; there is no default.
    """

    credentials: ClassVar[str | None] = None
    """The required credentials, as openapi_document.py names them."""
    takes_any_query: ClassVar[bool] = False
    """Whether the route ignores unknown query parameters."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if self.credentials:
            options["openapi_extra"] = (options.get("openapi_extra") or {}) | {
                "security": [{self.credentials: []}]
            }
        super().__init__(*arguments, **options)

    @abstractmethod
    async def authenticate(self, call: ApiRequest) -> User | Organizer | None:
        """Return the caller. Raises Unauthenticated, Forbidden, Unavailable."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the checks."""
        handler = super().get_route_handler()
        joins = self.operation_id == "join"
        known = {
            field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, QueryInfo)
        }

        async def checked(request: Request) -> Response:
            call = ApiRequest(request)
            call.allow(call.service.limits.request_from(call.address))
            call.who = await self.authenticate(call)
            call.count()
            if joins:
                await call.count_join()
            if call.scope["query_string"] and not self.takes_any_query:
                for name in call.query_params:
                    if name not in known:
                        raise InvalidRequest.of(f"query.{_printable(name)}", "is not a parameter of this call")
            response = await handler(call)
            if allowance := call.scope.get(ALLOWANCE):
                response.raw_headers += allowance.headers
            return response

        return checked


class PublicRoute(Route):
    """A route without credentials. It ignores any that the caller sends, so that caches can share the answer."""

    async def authenticate(self, call: ApiRequest) -> None:  # noqa: ARG002
        return None


class ToolRoute(PublicRoute):
    """A public route for tools and browsers. It ignores unknown query parameters, because these add their own."""

    takes_any_query = True


class UserRoute(Route):
    """A route that needs a user token."""

    credentials = "userToken"

    async def authenticate(self, call: ApiRequest) -> User:
        return await call.service.authenticator.user(call.headers.get("authorization"))


class OrganizerRoute(Route):
    """A route that needs an API key: with the scope `read` for a GET, else with the route's own scope."""

    credentials = "apiKey"
    scope: ClassVar[Scope]

    async def authenticate(self, call: ApiRequest) -> Organizer:
        organizer = await call.service.authenticator.organizer(call.headers.get("authorization"))
        organizer.demand(Scope.READ if call.method in ("GET", "HEAD") else self.scope)
        return organizer


class StockRoute(OrganizerRoute):
    """A route that changes the catalogue or the stock."""

    scope = Scope.STOCK


class EntriesRoute(OrganizerRoute):
    """A route that changes lists or their entries."""

    scope = Scope.ENTRIES


class AdminRoute(OrganizerRoute):
    """A route that changes API keys, webhooks, notices or personal data."""

    scope = Scope.ADMIN


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:100]


def organizer_router(route_class: type[OrganizerRoute], tag: str) -> APIRouter:
    """Make a router for calls of organizers. They need an API key."""
    return APIRouter(prefix="/v1/organizer", route_class=route_class, tags=[tag])


def with_head(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Return the routes, and behind them a route for HEAD for each GET (RFC 9110, 9.3.2).

    HEAD runs the handler of the GET behind the same checks, and the server drops the body. The handlers of streams
    answer HEAD without a stream. The new routes come last, so that they delay no other call.
    """
    heads: list[BaseRoute] = []
    for route in routes:
        assert isinstance(route, APIRoute)
        if "GET" in (route.methods or ()):
            head = copy(route)
            head.methods, head.include_in_schema = {"HEAD"}, False
            heads.append(head)
    return [*routes, *heads]
