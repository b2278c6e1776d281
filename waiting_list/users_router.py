"""The organizer router, fourth part: users' tokens and data, and the organization's API keys."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from waiting_list import catalogue, problems, reading
from waiting_list.answers import (
    AUTHENTICATED,
    POSTED,
    WITH_BODY,
    Listing,
    UserToken,
    declared,
)
from waiting_list.auth import User
from waiting_list.calls import (
    ONCE,
    Call,
    Cursor,
    Limit,
    PathId,
    answer,
    organizer_calls,
    page,
)
from waiting_list.fields import Flag, Frozen, Id, Quantity, Title
from waiting_list.models import CreatedKey, Erasure, KeyInfo, UserExport
from waiting_list.notices import Contact

router = organizer_calls()


class TokenRequest(Contact):
    """For whom, and for how many seconds, a token is good; and how the user is reached, for lists that they join
    with it."""

    user_id: Id
    expires_in: Annotated[Quantity, Field(le=86_400)] = 3600


class KeyRequest(Frozen):
    """What a new API key is called, and whether it may only read."""

    name: Title
    read_only: Flag = False


@router.post(
    "/user-tokens",
    operation_id="create_user_token",
    response_model=UserToken,
    responses=declared(WITH_BODY),
)
async def create_user_token(call: Call, body: TokenRequest) -> Response:
    """A token with which a page acts as one of the organization's users. Nothing is stored."""
    user = User(body.user_id, call.organization_id, Contact.of(body, email_verified=body.email_verified))
    token, expires_at = await call.service.authority.mint(user, expires_in=body.expires_in)
    return answer(UserToken(token=token, expires_at=expires_at))


@router.get(
    "/users/{user_id}/export",
    operation_id="export_user",
    response_model=UserExport,
    responses=declared(AUTHENTICATED),
)
async def export_user(call: Call, user_id: PathId) -> Response:
    """All that is kept of a person: their entries, and what happened to them."""
    return answer(await reading.export_user(call.pool, user_id, organization_id=call.organization_id))


@router.delete("/users/{user_id}", operation_id="erase", response_model=Erasure, responses=declared(WITH_BODY))
async def erase(call: Call, user_id: PathId) -> Response:
    """Forget a person: they leave every list, and the history keeps numbers only. Safe to repeat."""
    keys = await reading.lists_of_user(call.pool, user_id, organization_id=call.organization_id)
    for key in keys:
        await call.engine.erase(key, call.caller, user_id=user_id)
    return answer(Erasure(user_id=user_id, waiting_lists=len(keys)))


@router.get(
    "/api-keys",
    operation_id="list_api_keys",
    response_model=Listing[KeyInfo],
    responses=declared(AUTHENTICATED),
)
async def list_api_keys(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The organization's API keys, without their secrets."""
    return page(await reading.api_keys(call.pool, call.organization_id, limit=limit, cursor=cursor), KeyInfo)


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    openapi_extra=ONCE,
    status_code=201,
    response_model=CreatedKey,
    responses=declared(POSTED),
)
async def create_api_key(call: Call, body: KeyRequest) -> Response:
    """A new API key, shown in this answer only."""
    caller = await call.caller_once()
    created, replayed = await catalogue.create_api_key(
        call.pool,
        call.organization_id,
        name=body.name,
        read_only=body.read_only,
        idempotency=caller.idempotency,
    )
    return answer(created, status=201, replayed=replayed)


@router.delete(
    "/api-keys/{key_id}",
    operation_id="revoke_api_key",
    response_model=KeyInfo,
    responses=declared([*WITH_BODY, problems.ApiKeyNotFound]),
)
async def revoke_api_key(call: Call, key_id: PathId) -> Response:
    """Revoke an API key, from the next request on."""
    return answer(await catalogue.revoke_api_key(call.pool, call.organization_id, key_id))
