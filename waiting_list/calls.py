"""What the routers share: who may call, how parameters look, and what a call is given to work with."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Never, cast

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from waiting_list.answers import ALLOWANCE, Listing
from waiting_list.asgi import SLASH
from waiting_list.auth import Authenticator, Organizer
from waiting_list.database import Pool
from waiting_list.engine import Caller, Engine
from waiting_list.exports import Exports
from waiting_list.fields import Id
from waiting_list.figures import DeploymentMetrics
from waiting_list.gate import Gate
from waiting_list.health import Health
from waiting_list.idempotency import Idempotency
from waiting_list.keys import Scope
from waiting_list.limits import Allowance, Limits
from waiting_list.live import Live
from waiting_list.mail_limits import MailLimits
from waiting_list.models import Answer, Entry, ListKey, Status
from waiting_list.notices import Contact
from waiting_list.paging import Page
from waiting_list.peers import Peers
from waiting_list.polls import CoalescedReads
from waiting_list.problems import InvalidRequest, NotFound, Problem, RateLimited
from waiting_list.purchase_passes import PurchasePasses
from waiting_list.settings import Settings
from waiting_list.sign_outs import SignOuts
from waiting_list.signing_keys import SigningKeys
from waiting_list.user_tokens import User, UserTokens


@dataclass(frozen=True)
class Service:
    """What every call of one process works with."""

    settings: Settings
    pool: Pool
    engine: Engine
    reads: CoalescedReads
    live: Live
    signing_keys: SigningKeys
    sign_outs: SignOuts
    user_tokens: UserTokens
    purchase_passes: PurchasePasses
    authenticator: Authenticator
    limits: Limits
    mail_limits: MailLimits
    deployment_metrics: DeploymentMetrics
    health: Health
    peers: Peers
    exports: Exports
    gate: Gate
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the process is about to end: it answers, and asks for no more."""


_LONGEST_IDEMPOTENCY_KEY = 255


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """What OpenAPI says of a header that a handler reads by itself: as a parameter of the handler it would cost a
    join a tenth."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": False,
                "schema": {"type": "string"} | schema,
                "description": description,
            }
        ]
    }


ONCE = header(
    "Idempotency-Key",
    "Repeat a POST with the same key and body within 24 hours, and the first answer is given again.",
    minLength=1,
    maxLength=_LONGEST_IDEMPOTENCY_KEY,
)
"""Of `Call.caller_once`."""


class Call(Request):
    """One call: the request, who makes it, and what it works with.

    A handler takes it as it takes a Request: that costs nothing, where FastAPI spends a tenth of a whole join
    on each dependency.
    """

    who: User | Organizer | None = None

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, request.receive)
        self.service: Service = request.app.state.service

    @property
    def engine(self) -> Engine:
        """What changes lists."""
        return self.service.engine

    @property
    def reads(self) -> CoalescedReads:
        """What answers crowds."""
        return self.service.reads

    @property
    def live(self) -> Live:
        """What tells who watches."""
        return self.service.live

    @property
    def pool(self) -> Pool:
        """What is read from."""
        return self.service.pool

    @property
    def user(self) -> User:
        """The user who calls."""
        return cast(User, self.who)

    @property
    def organization_id(self) -> str:
        """The organization that the caller belongs to."""
        return cast(User | Organizer, self.who).organization_id

    @property
    def address(self) -> str | None:
        """Where the call comes from: behind a proxy that is trusted, what that says."""
        client = self.scope.get("client")
        return client[0] if client else None

    def count(self) -> None:
        """Counts the call of whoever is known to make it. Raises RateLimited."""
        limits, who = self.service.limits, self.who
        if isinstance(who, Organizer):
            self.allow(limits.request_of_key(who.key_id))
        elif who is not None:
            self.allow(limits.request_of_user(who.organization_id, who.user_id))

    async def count_join(self) -> None:
        """Counts a join of the user who calls. Raises RateLimited, Unavailable."""
        self.allow(await self.service.limits.join(self.organization_id, self.user.user_id, self.address))

    async def count_mail(self, contact: Contact) -> None:
        """Counts an address that the user who calls gives, if letters to it are limited. Raises RateLimited,
        Unavailable."""
        if contact.email is not None and contact.is_unverified and self.service.settings.sends_mail:
            limits, user = self.service.mail_limits, self.user
            await limits.count_given(user.organization_id, user.user_id, contact.email, self.address)

    async def may_mail(self, contact: Contact) -> bool:
        """Counts it, too; whether there may be a letter. Raises Unavailable."""
        try:
            await self.count_mail(contact)
        except RateLimited:
            return False
        return True

    def allow(self, allowance: Allowance | None) -> None:
        """What is left to the caller, for the headers of the answer."""
        if allowance is not None:
            self.scope[ALLOWANCE] = allowance

    @property
    def caller(self) -> Caller:
        """Whoever makes a PUT, PATCH or DELETE: these can be repeated as they are."""
        return Caller(
            self.organization_id, f"organizer:{self.who.key_id}" if isinstance(self.who, Organizer) else "user"
        )

    async def caller_once(self, *, but: str | None = None) -> Caller:
        """Whoever makes a POST, with the Idempotency-Key. Whatever the field `but` says, the request is the same.
        Raises InvalidRequest."""
        idempotency_key = self.headers.get("idempotency-key")
        if idempotency_key is None:
            return self.caller
        if not 1 <= len(idempotency_key) <= _LONGEST_IDEMPOTENCY_KEY:
            raise InvalidRequest.of("header.idempotency-key", "must have 1 to 255 characters")
        try:
            read = json.loads(await self.body() or b"null")
            if but is not None and isinstance(read, dict):
                read.pop(but, None)
            sent = json.dumps(read, sort_keys=True)
        except (ValueError, RecursionError):  # of a call that takes no body, and so has not looked at it
            raise InvalidRequest.of("body", "is not valid JSON") from None
        known_as = f"user\x00{self.who.user_id}" if isinstance(self.who, User) else "organizer"
        return replace(
            self.caller,
            idempotency=Idempotency.of(
                caller=f"{self.organization_id}\x00{known_as}",
                key=idempotency_key,
                request=f"{self.scope['raw_path'].decode('latin-1')}\x00{sent}",
            ),
        )

    async def with_pass(self, entry: Entry) -> Entry:
        """The entry, with its purchase pass if it is ready. A pass can be spent: a key that may not act for fans
        is not shown any."""
        if isinstance(self.who, Organizer) and not self.who.may(Scope.ENTRIES):
            return entry
        return await self.service.purchase_passes.with_pass(entry)

    async def done(self, verb: Awaitable[Answer]) -> Answer:
        """What an engine's verb answers, with purchase passes; also in the entry that a problem carries."""
        try:
            answered = await verb
        except Problem as problem:
            if "entry" in problem.extra:
                problem.extra["entry"] = await self.with_pass(problem.extra["entry"])
            raise
        if not answered.promoted and (answered.entry is None or answered.entry.status is not Status.READY):
            return answered
        entry = await self.with_pass(answered.entry) if answered.entry else None
        promoted = tuple([await self.with_pass(one) for one in answered.promoted])
        return answered.model_copy(update={"entry": entry, "promoted": promoted})

    async def json(self) -> Any:
        """The body, whose JSON means one thing only (RFC 8259: names should be unique, NaN is no number)."""
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


class Route(APIRoute, ABC):
    """A route that decides who may call before anything else is looked at, and then refuses unknown query
    parameters. Each router names the subclass that fits; there is no default."""

    credentials: ClassVar[str | None] = None
    """Which of SECURITY_SCHEMES opens it."""
    takes_any_query: ClassVar[bool] = False
    """Whether it ignores query parameters that it does not know."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if self.credentials:
            options["openapi_extra"] = (options.get("openapi_extra") or {}) | {
                "security": [{self.credentials: []}]
            }
        super().__init__(*arguments, **options)

    @abstractmethod
    async def authenticate(self, call: Call) -> User | Organizer | None:
        """Who is calling. Raises Unauthenticated, Forbidden, Unavailable."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the checks."""
        handler = super().get_route_handler()
        joins = self.operation_id == "join"
        known = {
            field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, QueryInfo)
        }

        async def checked(request: Request) -> Response:
            call = Call(request)
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
    """Anyone may call, and what they send as credentials is not looked at: caches can share the answer."""

    async def authenticate(self, call: Call) -> None:  # noqa: ARG002
        return None


class UserRoute(Route):
    """A user may call, with a user token."""

    credentials = "user token"

    async def authenticate(self, call: Call) -> User:
        return await call.service.authenticator.user(call.headers.get("authorization"))


class OrganizerRoute(Route):
    """An organizer may call, with an API key that has the scope `read`, or to change something this one's."""

    credentials = "API key"
    scope: ClassVar[Scope]

    async def authenticate(self, call: Call) -> Organizer:
        organizer = await call.service.authenticator.organizer(call.headers.get("authorization"))
        organizer.demand(Scope.READ if call.method in ("GET", "HEAD") else self.scope)
        return organizer


class StockRoute(OrganizerRoute):
    """Changes the catalogue or the stock."""

    scope = Scope.STOCK


class EntriesRoute(OrganizerRoute):
    """Changes lists and who is in them."""

    scope = Scope.ENTRIES


class AdminRoute(OrganizerRoute):
    """Changes who may do what, and is told."""

    scope = Scope.ADMIN


SECURITY_SCHEMES = {
    "API key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "opaque",
        "description": "An organization's API key: wl_…",
    },
    "user token": {
        "type": "http",
        "scheme": "bearer",
        "description": "POST /v1/organizer/user-tokens mints one.",
    },
}
"""What OpenAPI says of the credentials that routes ask for."""


def _with_slashes(value: object) -> object:
    return value.replace(SLASH, "/") if isinstance(value, str) else value


PathId = Annotated[Id, BeforeValidator(_with_slashes), Path()]
_PATH_ID: TypeAdapter[str] = TypeAdapter(Annotated[Id, BeforeValidator(_with_slashes)])
Ids = Annotated[list[Id] | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="The `next_cursor` of the page before this one.")
]


def path_id(call: Request, name: str) -> str:
    """An id that the path names, read by hand. Raises NotFound where it is none."""
    try:
        return _PATH_ID.validate_python(call.path_params[name])
    except ValidationError as error:
        raise NotFound("There is no such page.") from error


def is_id(text: str) -> bool:
    """Whether something can have this id."""
    try:
        return bool(_PATH_ID.validate_python(text))
    except ValidationError:
        return False


def path_key(call: Request) -> ListKey:
    """The list that the path names, read by hand. Raises NotFound where it is none."""
    return ListKey(path_id(call, "offer_id"), path_id(call, "representation_id"))


def answer(body: BaseModel, *, status: int = 200, replayed: bool = False) -> Response:
    """The answer to a call. The model was checked when it was made: FastAPI need not do it again."""
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def page(found: Page[Any], kind: type[BaseModel]) -> Response:
    """A page of a listing of this kind."""
    return answer(Listing[kind](items=found.items, next_cursor=found.next_cursor))  # type: ignore[valid-type]


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` allows gzip (RFC 9110, 12.5.3)."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:100]


def organizer_calls(route_class: type[OrganizerRoute]) -> APIRouter:
    """A part of the organizer router: an API key opens it."""
    return APIRouter(prefix="/v1/organizer", route_class=route_class, tags=["organizer"])
