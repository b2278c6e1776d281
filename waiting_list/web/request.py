"""Define the request that handlers get: the caller, and the services that handlers use."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Never, TypeVar, cast

from fastapi import Request
from starlette.types import Receive
from starlette.types import Scope as ASGIScope

from waiting_list.access.authentication import Authenticator, Organizer
from waiting_list.access.email_joins import EmailJoins
from waiting_list.access.email_limits import CountedEmail, MailLimits
from waiting_list.access.join_gate import Gate
from waiting_list.access.purchase_passes import PurchasePasses
from waiting_list.access.rate_limits import Allowance, Limits
from waiting_list.access.scopes import Scope
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import User, UserTokens
from waiting_list.access.wishes import Wishes
from waiting_list.catalogue.images import Images
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import Answer, Entry, Status
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.exports import Exports
from waiting_list.lists.queries.live import Live
from waiting_list.postgres.pool import Pool
from waiting_list.problems import InvalidRequest, Problem
from waiting_list.settings import Settings
from waiting_list.web.deployment_metrics import DeploymentMetrics
from waiting_list.web.health import Health
from waiting_list.web.peers import Peers
from waiting_list.web.problem_responses import ALLOWANCE
from waiting_list.web.server_sent_events import Streams

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Services:
    """Hold the services that every call of one process uses."""

    settings: Settings
    pool: Pool
    engine: Engine
    reads: CoalescedReads
    live: Live
    streams: Streams
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
    images: Images
    gate: Gate
    email_joins: EmailJoins
    checkpoints: Checkpoints
    wishes: Wishes
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process shuts down: it still answers, but tells load balancers to send no new requests."""


LONGEST_IDEMPOTENCY_KEY = 255
"""The most characters of an Idempotency-Key."""


class ApiRequest(Request):
    """One API call: the request, its caller, and the services that it uses.

    Handlers take it in place of a Request, because FastAPI spends a tenth of a whole join on each dependency.
    """

    who: User | Organizer | None = None

    whole_body: bytes | None = None
    """The body, if it was read before."""

    def __init__(self, scope: ASGIScope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.service: Services = scope["app"].state.service

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

    def header(self, name: bytes) -> str | None:
        """Return the first header with this name, which must be lower-case; None without one."""
        for sent, value in self.scope["headers"]:
            if sent == name:
                return str(value.decode("latin-1"))
        return None

    def count(self) -> None:
        """Count the call for the rate limit of its API key or user. Raises RateLimited."""
        limits, who = self.service.limits, self.who
        if isinstance(who, Organizer):
            self.allow(limits.request_of_key(who.key_id or who.member_id or ""))
        elif who is not None:
            self.allow(limits.request_of_user(who.organization_id, who.user_id))

    async def count_join(self) -> None:
        """Count a join of the user for the rate limit. Raises RateLimited, Unavailable."""
        self.allow(await self.service.limits.join(self.organization_id, self.user.user_id, self.address))

    async def count_mail(self, contact: Contact) -> None:
        """Count an address that the user gives, if e-mails to it are limited. Raises RateLimited, Unavailable."""
        if contact.email is not None and contact.is_unverified and self.service.engine.sends_mail:
            limits, user = self.service.mail_limits, self.user
            await limits.count_given(user.organization_id, user.user_id, contact.email, self.address)

    def letter(self, contact: Contact) -> CountedEmail:
        """Return the e-mail of a join, which counts the address when it is asked for."""
        return CountedEmail(partial(self.count_mail, contact))

    def allow(self, allowance: Allowance | None) -> None:
        """Record the remaining rate limit for the response headers."""
        if allowance is not None:
            self.scope[ALLOWANCE] = allowance

    @property
    def caller(self) -> Caller:
        """The caller of a PUT, PATCH or DELETE. These need no Idempotency-Key, because they are idempotent."""
        return Caller(self.organization_id, self.who.actor if isinstance(self.who, Organizer) else "user")

    def idempotency_key(self) -> str | None:
        """Return the Idempotency-Key of the request; None without one. Raises InvalidRequest."""
        key = self.header(b"idempotency-key")
        if key is not None and not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY:
            raise InvalidRequest.of("header.idempotency-key", "must have 1 to 255 characters")
        return key

    async def caller_once(self, *, but: str | None = None) -> Caller:
        """Return the caller of a POST with the Idempotency-Key of the request.

        Two requests count as the same even if they differ in the body's field `but`. Raises InvalidRequest.
        """
        idempotency_key = self.idempotency_key()
        if idempotency_key is None:
            return self.caller
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

    async def with_pass(self, entry: E) -> E:
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
        return await self.with_passes(answered)

    async def with_passes(self, answered: Answer) -> Answer:
        """Return the answer of a verb, with purchase passes in its ready entries."""
        if not answered.promoted and (answered.entry is None or answered.entry.status is not Status.READY):
            return answered
        entry = await self.with_pass(answered.entry) if answered.entry else None
        promoted = tuple([await self.with_pass(one) for one in answered.promoted])
        return answered.model_copy(update={"entry": entry, "promoted": promoted})

    async def body(self) -> bytes:
        """Return the whole body."""
        return await super().body() if self.whole_body is None else self.whole_body

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
