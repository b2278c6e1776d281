"""Define the calls for operators: health, metrics, version, public keys.

They need no credentials, so the proxy must keep /metrics from the public.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from waiting_list import __version__
from waiting_list.fields import Frozen
from waiting_list.problems import RateLimited, Unavailable
from waiting_list.web.openapi import COMMON, declared
from waiting_list.web.peers import Warned
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import ToolRoute

router = APIRouter(route_class=ToolRoute, tags=["Operations"])
EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The metrics, in the text format of Prometheus.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class Liveness(Frozen):
    """The answer of a process that is alive."""

    status: Literal["live"] = "live"


class Version(Frozen):
    """The version of the service."""

    version: str


class PublicKeys(Frozen):
    """The public keys with which a shop checks purchase passes (RFC 7517)."""

    keys: list[dict[str, str]]


@router.get("/health/live", operation_id="is_live", responses=declared([RateLimited]))
async def is_live() -> Liveness:
    """Answer if the process is alive."""
    return Liveness()


class MailState(Frozen):
    """Whether this process sends e-mails (`sends`), and how the deployment does.

    `transport` is `smtp` or `folder`, and `seen_at` is when a worker that sends e-mails last ran. Both are null if
    none ever has. E-mails are written in any case, and wait for such a worker.
    """

    sends: bool
    transport: Literal["folder", "smtp"] | None
    seen_at: datetime | None


class Readiness(Frozen):
    """The readiness of the service, and the delay of its workers.

    The two delays say for how many seconds the oldest due hold and the oldest due notice have been due. `mail`
    says whether e-mails are sent. `warnings` lists what the operator should fix.
    """

    status: Literal["ready"] = "ready"
    oldest_due_hold_seconds: float
    oldest_due_notice_seconds: float
    mail: MailState
    warnings: list[Warned]


@router.get(
    "/health/ready",
    operation_id="is_ready",
    response_model=Readiness,
    responses=declared(COMMON),
)
async def is_ready(
    call: ApiRequest,
    late_seconds: Annotated[
        float | None,
        Query(ge=0, description="Answer 503 if a hold has been due for longer than this, in seconds."),
    ] = None,
) -> Readiness:
    """Answer if the process can serve requests: the database answers, has the right schema, and accepts writes.

    A late worker does not make a process unready. To monitor the whole service, set `late_seconds`: then the call
    answers 503 while a hold has been due for longer.
    """
    if call.service.draining.is_set():
        raise Unavailable("This process is shutting down.")
    await call.service.health.check()
    holds, notices = await call.service.deployment_metrics.read_seconds_late(at_all_nodes=late_seconds is not None)
    ready = Readiness(
        oldest_due_hold_seconds=holds,
        oldest_due_notice_seconds=notices,
        mail=MailState.model_validate(
            {"sends": call.service.settings.sends_mail} | call.service.deployment_metrics.mail_seen._asdict()
        ),
        warnings=call.service.peers.warnings,
    )
    if late_seconds is not None and ready.oldest_due_hold_seconds > late_seconds:
        raise Unavailable(
            f"A hold has been due for {ready.oldest_due_hold_seconds:.0f} s. Check that a worker is running."
        )
    return ready


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses=EXPOSITION | declared(COMMON),
)
async def get_metrics(call: ApiRequest) -> Response:
    """Show the Prometheus metrics of all processes that `serve` started, and of the deployment."""
    return Response(await call.service.deployment_metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


@router.get("/version", operation_id="get_version", responses=declared([RateLimited]))
async def get_version() -> Version:
    """Show the version of the service."""
    return Version(version=__version__)


@router.get(
    "/.well-known/jwks.json", operation_id="get_jwks", response_model=PublicKeys, responses=declared(COMMON)
)
async def get_jwks(call: ApiRequest) -> JSONResponse:
    """List the public keys with which a shop checks purchase passes (RFC 7517)."""
    keys: dict[str, Any] = await call.service.purchase_passes.jwks()
    return JSONResponse(keys, headers={"Cache-Control": "public, max-age=300"})
