"""What the routers share: who may call, how parameters look, and what a call is given to work with."""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Never, cast

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator

from waiting_list.answers import Listing
from waiting_list.asgi import SLASH
from waiting_list.auth import Authority, Organizer, User
from waiting_list.database import Pool
from waiting_list.engine import Caller, Engine, Idempotency
from waiting_list.models import Id, ListKey
from waiting_list.problems import Forbidden, InvalidRequest, Problem
from waiting_list.reading import Page
from waiting_list.settings import Settings


@dataclass(frozen=True)
class Service:
    """What every call of one process works with."""

    settings: Settings
    pool: Pool
    engine: Engine
    authority: Authority


def service(request: Request) -> Service:
    """The service that the application was started with."""
    return cast(Service, request.app.state.service)


class Route(APIRoute, ABC):
    """A route that decides who may call before anything else is looked at, and then refuses unknown query
    parameters. Each router names the subclass that fits; there is no default."""

    @abstractmethod
    async def authenticate(self, request: Request) -> object:
        """Who is calling. Raises Unauthenticated, Forbidden, Unavailable."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the checks."""
        handler = super().get_route_handler()
        known = {
            field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, QueryInfo)
        }

        async def checked(request: Request) -> Response:
            request.state.caller = await self.authenticate(request)
            for name in request.query_params:
                if name not in known:
                    raise InvalidRequest.of(f"query.{_printable(name)}", "is not a parameter of this call")
            return await handler(_StrictRequest(request.scope, request.receive))

        return checked


class _StrictRequest(Request):
    """A request whose JSON means one thing only (RFC 8259: names should be unique, and NaN is no number)."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = _STRICT_JSON.decode((await self.body()).decode())
        return self._json


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidRequest.of("body", "names a field twice")
    return found


def _no_number(name: str) -> Never:
    raise InvalidRequest.of("body", f"{name} is not a number in JSON")


_STRICT_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


class PublicRoute(Route):
    """Anyone may call, and what they send as credentials is not looked at: caches can share the answer."""

    async def authenticate(self, request: Request) -> object:  # noqa: ARG002
        return None


class UserRoute(Route):
    """A user may call, with a user token."""

    async def authenticate(self, request: Request) -> object:
        return await service(request).authority.user(request.headers.get("authorization"))


class OrganizerRoute(Route):
    """An organizer may call, with an API key; with a read-only one, only to read."""

    async def authenticate(self, request: Request) -> object:
        organizer = await service(request).authority.organizer(request.headers.get("authorization"))
        if organizer.read_only and request.method not in ("GET", "HEAD"):
            raise Forbidden("This API key may only read.")
        return organizer


api_key = HTTPBearer(
    scheme_name="API key",
    description="An organization's API key: wl_…",
    bearerFormat="opaque",
    auto_error=False,
)
user_token = HTTPBearer(
    scheme_name="user token", description="POST /v1/organizer/user-tokens mints one.", auto_error=False
)


def _current_user(request: Request) -> User:
    return cast(User, request.state.caller)


def _current_organizer(request: Request) -> Organizer:
    return cast(Organizer, request.state.caller)


CurrentService = Annotated[Service, Depends(service)]
CurrentUser = Annotated[User, Depends(_current_user)]
CurrentOrganizer = Annotated[Organizer, Depends(_current_organizer)]


def _with_slashes(value: object) -> object:
    return value.replace(SLASH, "/") if isinstance(value, str) else value


PathId = Annotated[Id, BeforeValidator(_with_slashes), Path()]
Ids = Annotated[list[Id] | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="The `next_cursor` of the page before this one.")
]


def _list_key(offer_id: PathId, representation_id: PathId) -> ListKey:
    return ListKey(offer_id, representation_id)


List = Annotated[ListKey, Depends(_list_key)]


async def _caller(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="Repeat a POST with the same key and body within 24 hours, and the first answer "
            "is given again.",
        ),
    ] = None,
) -> Caller:
    who = request.state.caller
    if isinstance(who, Organizer):
        actor, known_as = f"organizer:{who.key_id}", "organizer"
    else:
        actor, known_as = "user", f"user\x00{who.user_id}"
    if idempotency_key is None:
        return Caller(who.organization_id, actor)
    body = await request.body()
    sent = json.dumps(json.loads(body or b"null"), sort_keys=True)
    return Caller(
        who.organization_id,
        actor,
        Idempotency.of(
            caller=f"{who.organization_id}\x00{known_as}",
            key=idempotency_key,
            request=f"{request.scope['raw_path'].decode('latin-1')}\x00{sent}",
        ),
    )


def _changing_caller(request: Request) -> Caller:
    who = request.state.caller
    return Caller(who.organization_id, f"organizer:{who.key_id}" if isinstance(who, Organizer) else "user")


PostCaller = Annotated[Caller, Depends(_caller)]
"""Whoever makes a POST, with the Idempotency-Key."""
ChangingCaller = Annotated[Caller, Depends(_changing_caller)]
"""Whoever makes a PUT, PATCH or DELETE: these can be repeated as they are."""


def answer(body: BaseModel, *, status: int = 200, replayed: bool = False) -> Response:
    """The answer to a call. The model was checked when it was made: FastAPI need not do it again."""
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def page(found: Page[Any], kind: type[BaseModel]) -> Response:
    """A page of a listing of this kind."""
    return answer(Listing[kind](items=found.items, next_cursor=found.next_cursor))  # type: ignore[valid-type]


async def with_passes(authority: Authority, call: Awaitable[Any]) -> Any:
    """What an engine's verb answers, with purchase passes; also in the entry that a problem carries."""
    try:
        answered = await call
    except Problem as problem:
        if "entry" in problem.extra:
            problem.extra["entry"] = await authority.with_pass(problem.extra["entry"])
        raise
    entry = await authority.with_pass(answered.entry) if answered.entry else None
    promoted = tuple([await authority.with_pass(one) for one in answered.promoted])
    return answered.model_copy(update={"entry": entry, "promoted": promoted})


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:100]


def organizer_calls() -> APIRouter:
    """A part of the organizer router: an API key opens it."""
    return APIRouter(
        prefix="/v1/organizer", route_class=OrganizerRoute, tags=["organizer"], dependencies=[Security(api_key)]
    )
