"""Define the organizer's calls about API keys. Only the scope `admin` may make, rotate or revoke keys."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import Response
from pydantic import Field, model_validator

from waiting_list import problems
from waiting_list.access import api_keys
from waiting_list.access.api_keys import CreatedKey, KeyInfo
from waiting_list.access.scopes import Scope
from waiting_list.fields import Flag, Frozen, Quantity, Title
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "API keys")
_LONGEST_OVERLAP = timedelta(days=90)


class KeyRequest(Frozen):
    """The name, scopes and lifetime of a new API key.

    By default a key has all scopes and never expires. `expires_in` is in seconds. `read_only` is short for
    `scopes: ["read"]`.
    """

    name: Title
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))] | None = None
    read_only: Flag = False
    expires_in: Quantity | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.read_only and self.scopes not in (None, (Scope.READ,)):
            raise ValueError("a read_only key can only have the scope read")
        return self


class Rotation(Frozen):
    """For how many seconds the old key stays valid; by default a day."""

    overlap: Annotated[int, Field(strict=True, ge=0, le=int(_LONGEST_OVERLAP.total_seconds()))] = 86_400


@router.get(
    "/api-keys",
    operation_id="list_api_keys",
    response_model=Listing[KeyInfo],
    responses=declared(AUTHENTICATED),
)
async def list_api_keys(call: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the organization's API keys, without their secrets."""
    return page(await api_keys.api_keys(call.pool, call.organization_id, limit=limit, cursor=cursor), KeyInfo)


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    openapi_extra=ONCE,
    status_code=201,
    response_model=CreatedKey,
    responses=declared(POSTED),
)
async def create_api_key(call: ApiRequest, body: KeyRequest) -> Response:
    """Create an API key. Only this answer shows it."""
    caller = await call.caller_once()
    created, replayed = await api_keys.create_api_key(
        call.pool,
        call.organization_id,
        name=body.name,
        scopes=(Scope.READ,) if body.read_only else body.scopes or (Scope.ADMIN,),
        lifetime=timedelta(seconds=body.expires_in) if body.expires_in else None,
        idempotency=caller.idempotency,
    )
    return answer(created, status=201, replayed=replayed)


@router.post(
    "/api-keys/{key_id}/rotate",
    operation_id="rotate_api_key",
    openapi_extra=ONCE,
    status_code=201,
    response_model=CreatedKey,
    responses=declared([*POSTED, problems.ApiKeyNotFound]),
)
async def rotate_api_key(call: ApiRequest, key_id: PathId, body: Rotation) -> Response:
    """Create an API key with the same scopes as this one. Only this answer shows it.

    Both keys are valid for `overlap` seconds, so that clients can switch one after the other.
    """
    caller = await call.caller_once()
    created, replayed = await api_keys.rotate_api_key(
        call.pool,
        call.organization_id,
        key_id,
        overlap=timedelta(seconds=body.overlap),
        idempotency=caller.idempotency,
    )
    return answer(created, status=201, replayed=replayed)


@router.delete(
    "/api-keys/{key_id}",
    operation_id="revoke_api_key",
    response_model=KeyInfo,
    responses=declared([*WITH_BODY, problems.ApiKeyNotFound]),
)
async def revoke_api_key(call: ApiRequest, key_id: PathId) -> Response:
    """Revoke an API key. The next request with it is refused."""
    return answer(await api_keys.revoke_api_key(call.pool, call.organization_id, key_id))
