"""Define the routes of the API: authenticate the caller, count the call for its limits, and check the query.

`with_head` makes every GET of the service answer HEAD.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from copy import copy
from re import Pattern
from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field
from starlette.routing import BaseRoute
from starlette.types import Scope as ASGIScope

from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.access.user_tokens import User
from waiting_list.lists.models import ListKey
from waiting_list.problems import Forbidden, InvalidRequest
from waiting_list.web.direct_calls import is_plain, plain_handler
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
        self._answer_model = None
        if issubclass(options["endpoint"].__annotations__["return"], Response):
            # FastAPI would prepare a check of these answers, for a twentieth of the start. Only the API document
            # needs it.
            model, options["response_model"] = options.get("response_model"), None
            self._answer_model = None if isinstance(model, DefaultPlaceholder) else model
        super().__init__(*arguments, **options)

    def describe_answer(self) -> None:
        """Add the model of the answer, before FastAPI makes the API document."""
        if self._answer_model is not None and self.response_field is None:
            self.response_model = self._answer_model
            self.response_field = create_model_field(
                f"Response_{self.unique_id}", self._answer_model, mode="serialization"
            )

    @abstractmethod
    async def authenticate(self, call: ApiRequest) -> User | Organizer | None:
        """Return the caller. Raises Unauthenticated, Forbidden, Unavailable."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the checks. `respond` is the same for a call that the caller has made."""
        handler = plain_handler(self) if is_plain(self) else super().get_route_handler()
        joins = self.operation_id == "join"
        known = {
            field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, QueryInfo)
        }
        # Those that the handler reads itself.
        known |= {one["name"] for one in (self.openapi_extra or {}).get("parameters", ()) if one["in"] == "query"}

        async def respond(call: ApiRequest) -> Response:
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

        async def handle(request: Request) -> Response:
            return await respond(ApiRequest(request.scope, request.receive))

        self.respond = respond
        return handle


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
        return await call.service.authenticator.user(call.header(b"authorization"))


class EntryRoute(UserRoute):
    """A route about the user's entry of one list. It also takes a token that is good for that entry alone.

    The handler checks the number of the entry.
    """

    async def authenticate(self, call: ApiRequest) -> User:
        user = await call.service.authenticator.user_of_entry(call.header(b"authorization"))
        if user.only is not None and user.only.list_id != _list_id_of(call):
            raise Forbidden("This token is for one entry of another list alone.")
        return user


class OrganizerRoute(Route):
    """A route that needs an API key: with the scope `read` for a GET, else with the route's own scope."""

    credentials = "apiKey"
    scope: ClassVar[Scope]

    async def authenticate(self, call: ApiRequest) -> Organizer:
        organizer = await call.service.authenticator.organizer(call.header(b"authorization"))
        organizer.demand(Scope.READ if call.method in ("GET", "HEAD") else self.scope)
        return organizer


class StockRoute(OrganizerRoute):
    """A route that changes the catalogue or the stock."""

    scope = Scope.STOCK


class EntriesRoute(OrganizerRoute):
    """A route that changes lists or their entries."""

    scope = Scope.ENTRIES


class AdminRoute(OrganizerRoute):
    """A route that changes API keys, webhooks, the organization, notices or personal data."""

    scope = Scope.ADMIN


def _list_id_of(call: ApiRequest) -> UUID | None:
    keys = call.path_params
    return ListKey(keys["offer_id"], keys["representation_id"]).list_id if "offer_id" in keys else None


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:100]


def organizer_router(route_class: type[OrganizerRoute], tag: str) -> APIRouter:
    """Make a router for calls of organizers. They need an API key."""
    return APIRouter(prefix="/v1/organizer", route_class=route_class, tags=[tag])


class DirectCalls:
    """The plain calls among the routes of an application (web/direct_calls.py), by method.

    A request belongs to its first route, as in Starlette. So a route that is not plain also hides the later ones.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes: dict[str, list[tuple[Pattern[str], Route | None]]] = {}
        for route in routes:
            assert isinstance(route, APIRoute)
            plain = route if isinstance(route, Route) and is_plain(route) else None
            for method in route.methods or ():
                self._routes.setdefault(method, []).append((route.path_regex, plain))

    def find(self, scope: ASGIScope) -> Route | None:
        """Return the route of a request if it is a plain call, and put its ids into the scope."""
        path = scope["path"]
        for pattern, route in self._routes.get(scope["method"], ()):
            if found := pattern.match(path):
                if route is not None:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                return route
        return None


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
