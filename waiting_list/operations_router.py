"""Health, metrics, version, and the public keys. Anyone may call: keep /metrics inside by the proxy."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from waiting_list import __version__
from waiting_list.answers import COMMON, declared
from waiting_list.calls import Call, PublicRoute
from waiting_list.problems import Unavailable
from waiting_list.reading import is_migrated

router = APIRouter(route_class=PublicRoute, tags=["operations"])


@router.get("/health/live", operation_id="is_live")
async def is_live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", operation_id="is_ready", responses=declared([Unavailable]))
async def is_ready(call: Call) -> dict[str, str]:
    """The database answers, and has the newest schema."""
    if not await is_migrated(call.pool):
        raise Unavailable("The database is not migrated: run waiting-list migrate.")
    return {"status": "ready"}


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
async def get_metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/version", operation_id="get_version")
async def get_version() -> dict[str, str]:
    """What is running."""
    return {"version": __version__}


@router.get("/.well-known/jwks.json", operation_id="get_jwks", responses=declared(COMMON))
async def get_jwks(call: Call) -> JSONResponse:
    """The public keys with which a shop checks purchase passes (RFC 7517)."""
    keys: dict[str, Any] = await call.service.authority.jwks()
    return JSONResponse(keys, headers={"Cache-Control": "public, max-age=300"})
