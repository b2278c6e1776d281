"""Define what the routers share: authentication, parameters, and the services behind a call."""

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
    """Hold the services that every call of one process uses."""

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
    """Set when the process shuts down: it still answers, but tells load balancers to send no new requests."""


_LONGEST_IDEMPOTENCY_KEY = 255


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Describe for OpenAPI a header that the handler reads itself.

    As a parameter of the handler, the header would make a join a tenth slower.
    """
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
    "A caller that repeats a POST with the same key and body within 24 hours gets the first answer again.",
    minLength=1,
    maxLength=_LONGEST_IDEMPOTENCY_KEY,
)
"""The header that `Call.caller_once` reads."""


class Call(Request):
    """One API call: the request, its caller, and the services that it uses.

    Handlers take it in place of a Request, because FastAPI spends a tenth of a whole join on each dependency.
    """

    who: User | Organizer | None = None

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, request.receive)
        self.service: Service = request.app.state.service

    @property
    def engine(self) -> Engine:
        """The engine, which changes lists."""
        return self.service.engine

    @property
    def reads(self) -> CoalescedReads:
        """The reads that many callers share."""
        return self.service.reads

    @property
    def live(self) -> Live:
        """The live streams."""
        return self.service.live

    @property
    def pool(self) -> Pool:
        """The database pool for reads."""
        return self.service.pool

    @property
    def user(self) -> User:
        """The user who makes the call."""
        return cast(User, self.who)

    @property
    def organization_id(self) -> str:
        """The organization of the caller."""
        return cast(User | Organizer, self.who).organization_id

    @property
    def address(self) -> str | None:
        """The IP address of the caller. A trusted proxy may set it by `X-Forwarded-For`."""
        client = self.scope.get("client")
        return client[0] if client else None

    def count(self) -> None:
        """Count the call for the rate limit of its API key or user. Raises RateLimited."""
        limits, who = self.service.limits, self.who
        if isinstance(who, Organizer):
            self.allow(limits.request_of_key(who.key_id))
        elif who is not None:
            self.allow(limits.request_of_user(who.organization_id, who.user_id))

    async def count_join(self) -> None:
        """Count a join of the user for the rate limit. Raises RateLimited, Unavailable."""
        self.allow(await self.service.limits.join(self.organization_id, self.user.user_id, self.address))

    async def count_mail(self, contact: Contact) -> None:
        """Count an address that the user gives, if e-mails to it are limited. Raises RateLimited, Unavailable."""
        if contact.email is not None and contact.is_unverified and self.service.settings.sends_mail:
            limits, user = self.service.mail_limits, self.user
            await limits.count_given(user.organization_id, user.user_id, contact.email, self.address)

    async def may_mail(self, contact: Contact) -> bool:
        """Count the address, and return whether the service may send e-mails to it. Raises Unavailable."""
        try:
            await self.count_mail(contact)
        except RateLimited:
            return False
        return True

    def allow(self, allowance: Allowance | None) -> None:
        """Record the remaining rate limit for the response headers."""
        if allowance is not None:
            self.scope[ALLOWANCE] = allowance

    @property
    def caller(self) -> Caller:
        """The caller of a PUT, PATCH or DELETE. These need no Idempotency-Key, because they are idempotent."""
        return Caller(
            self.organization_id, f"organizer:{self.who.key_id}" if isinstance(self.who, Organizer) else "user"
        )

    async def caller_once(self, *, but: str | None = None) -> Caller:
        """Return the caller of a POST with the Idempotency-Key of the request.

        Two requests count as the same even if they differ in the body's field `but`. Raises InvalidRequest.
        """
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
        except (ValueError, RecursionError):  # a call without a body does not check it earlier
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
        """Return the entry, with its purchase pass if it is ready.

        A key without the scope `entries` gets no pass, because a pass is enough to buy.
        """
        if isinstance(self.who, Organizer) and not self.who.may(Scope.ENTRIES):
            return entry
        return await self.service.purchase_passes.with_pass(entry)

    async def done(self, verb: Awaitable[Answer]) -> Answer:
        """Await a verb of the engine, and add purchase passes to its entries, also to the entry of a problem."""
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
        """Return the body, parsed as strict JSON: no field twice, and no NaN (RFC 8259)."""
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
    """A route that authenticates the caller first, and then refuses unknown query parameters.

    Each router names its subclass; there is no default.
    """

    credentials: ClassVar[str | None] = None
    """The required credentials, from SECURITY_SCHEMES."""
    takes_any_query: ClassVar[bool] = False
    """Whether the route ignores unknown query parameters."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if self.credentials:
            options["openapi_extra"] = (options.get("openapi_extra") or {}) | {
                "security": [{self.credentials: []}]
            }
        super().__init__(*arguments, **options)

    @abstractmethod
    async def authenticate(self, call: Call) -> User | Organizer | None:
        """Return the caller. Raises Unauthenticated, Forbidden, Unavailable."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the checks."""
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
    """A route without credentials. It ignores any that the caller sends, so that caches can share the answer."""

    async def authenticate(self, call: Call) -> None:  # noqa: ARG002
        return None


class UserRoute(Route):
    """A route that needs a user token."""

    credentials = "user token"

    async def authenticate(self, call: Call) -> User:
        return await call.service.authenticator.user(call.headers.get("authorization"))


class OrganizerRoute(Route):
    """A route that needs an API key: with the scope `read` for a GET, else with the route's own scope."""

    credentials = "API key"
    scope: ClassVar[Scope]

    async def authenticate(self, call: Call) -> Organizer:
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


SECURITY_SCHEMES = {
    "API key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "opaque",
        "description": "An organization's API key, which begins with wl_.",
    },
    "user token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token for one user. POST /v1/organizer/user-tokens creates it.",
    },
}
"""The credentials of the API, for OpenAPI."""


def _with_slashes(value: object) -> object:
    return value.replace(SLASH, "/") if isinstance(value, str) else value


PathId = Annotated[Id, BeforeValidator(_with_slashes), Path()]
_PATH_ID: TypeAdapter[str] = TypeAdapter(Annotated[Id, BeforeValidator(_with_slashes)])
Ids = Annotated[list[Id] | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500, description="Maximum number of items on a page.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="The `next_cursor` of the previous page.")]


def path_id(call: Request, name: str) -> str:
    """Return an id from the path. Raises NotFound if it is not a valid id."""
    try:
        return _PATH_ID.validate_python(call.path_params[name])
    except ValidationError as error:
        raise NotFound("There is no such page.") from error


def is_id(text: str) -> bool:
    """Return whether the text is a valid id."""
    try:
        return bool(_PATH_ID.validate_python(text))
    except ValidationError:
        return False


def path_key(call: Request) -> ListKey:
    """Return the list that the path names. Raises NotFound if an id is not valid."""
    return ListKey(path_id(call, "offer_id"), path_id(call, "representation_id"))


def answer(body: BaseModel, *, status: int = 200, replayed: bool = False) -> Response:
    """Make the answer to a call. FastAPI does not check it again, because the model was checked when it was
    made."""
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def page(found: Page[Any], kind: type[BaseModel]) -> Response:
    """Make the answer with one page of a listing."""
    return answer(Listing[kind](items=found.items, next_cursor=found.next_cursor))  # type: ignore[valid-type]


def takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip (RFC 9110, 12.5.3)."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:100]


def organizer_calls(route_class: type[OrganizerRoute]) -> APIRouter:
    """Make a part of the organizer router. Its calls need an API key."""
    return APIRouter(prefix="/v1/organizer", route_class=route_class, tags=["organizer"])
