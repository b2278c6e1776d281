"""Health, metrics, version, and the public keys. Anyone may call: keep /metrics inside by the proxy."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from waiting_list import __version__
from waiting_list.answers import COMMON, declared
from waiting_list.calls import Call, PublicRoute
from waiting_list.fields import Frozen
from waiting_list.peers import Warned
from waiting_list.problems import InvalidRequest, Unavailable

router = APIRouter(route_class=PublicRoute, tags=["operations"])


@router.get("/health/live", operation_id="is_live")
async def is_live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


class Readiness(Frozen):
    """That the service can answer, and how late a worker is: for how many seconds the first hold to lapse, and the
    first notice to be sent, have been due. `warnings` is what whoever runs it should mend."""

    status: Literal["ready"] = "ready"
    oldest_due_hold_seconds: float
    oldest_due_notice_seconds: float
    warnings: list[Warned]


@router.get(
    "/health/ready",
    operation_id="is_ready",
    response_model=Readiness,
    responses=declared([InvalidRequest, Unavailable]),
)
async def is_ready(
    call: Call, late_seconds: Annotated[float | None, Query(ge=0, description="Unavailable beyond this.")] = None
) -> Readiness:
    """The database answers, has the schema that this version works with, and can be written to.

    A late worker makes no process unready: all of them answer as before. Whoever watches over the service, and
    not over one process, asks with `late_seconds`: then it is not ready while a hold has been due for longer.
    """
    if call.service.draining.is_set():
        raise Unavailable("This process is about to end.")
    await call.service.health.check()
    metrics = await call.service.deployment_metrics.read()
    ready = Readiness(
        oldest_due_hold_seconds=metrics["oldest_due_hold_seconds"],
        oldest_due_notice_seconds=metrics["oldest_due_notice_seconds"],
        warnings=call.service.peers.warnings,
    )
    if late_seconds is not None and ready.oldest_due_hold_seconds > late_seconds:
        raise Unavailable(f"A hold has been due for {ready.oldest_due_hold_seconds:.0f} s: is a worker running?")
    return ready


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
async def get_metrics(call: Call) -> Response:
    """Metrics for Prometheus, of all processes that `serve` has started, and of the deployment."""
    return Response(await call.service.deployment_metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


@router.get("/version", operation_id="get_version")
async def get_version() -> dict[str, str]:
    """What is running."""
    return {"version": __version__}


@router.get("/.well-known/jwks.json", operation_id="get_jwks", responses=declared(COMMON))
async def get_jwks(call: Call) -> JSONResponse:
    """The public keys with which a shop checks purchase passes (RFC 7517)."""
    keys: dict[str, Any] = await call.service.purchase_passes.jwks()
    return JSONResponse(keys, headers={"Cache-Control": "public, max-age=300"})
