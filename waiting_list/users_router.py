"""The organizer router, fourth part: users' tokens and data, and the organization's API keys."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from waiting_list import users
from waiting_list.answers import (
    AUTHENTICATED,
    POSTED,
    WITH_BODY,
    UserToken,
    declared,
)
from waiting_list.calls import (
    ONCE,
    AdminRoute,
    Call,
    EntriesRoute,
    PathId,
    answer,
    organizer_calls,
)
from waiting_list.fields import Id, Quantity
from waiting_list.models import Erasure, SignedOut, UserExport
from waiting_list.notices import Contact
from waiting_list.user_tokens import User

router = organizer_calls(AdminRoute)
tokens = organizer_calls(EntriesRoute)


class TokenRequest(Contact):
    """For whom, and for how many seconds, a token is good; and how the user is reached, for lists that they join
    with it."""

    user_id: Id
    expires_in: Annotated[Quantity, Field(le=86_400)] = 3600


@tokens.post(
    "/user-tokens",
    operation_id="create_user_token",
    response_model=UserToken,
    responses=declared(WITH_BODY),
)
async def create_user_token(call: Call, body: TokenRequest) -> Response:
    """A token with which a page acts as one of the organization's users, until it expires or the user signs out.
    Nothing is stored."""
    user = User(body.user_id, call.organization_id, Contact.of(body, email_verified=body.email_verified))
    token, expires_at = await call.service.user_tokens.mint(user, expires_in=body.expires_in)
    return answer(UserToken(token=token, expires_at=expires_at))


@tokens.post(
    "/users/{user_id}/sign-out",
    operation_id="sign_out_user",
    openapi_extra=ONCE,
    response_model=SignedOut,
    responses=declared(POSTED),
)
async def sign_out_user(call: Call, user_id: PathId) -> Response:
    """End all tokens that a user has by now, on every screen, within two seconds. Later tokens, purchase passes
    and private links stay good."""
    caller = await call.caller_once()
    done, replayed = await call.service.sign_outs.sign_out(
        call.organization_id, user_id, idempotency=caller.idempotency
    )
    return answer(done, replayed=replayed)


@router.get(
    "/users/{user_id}/export",
    operation_id="export_user",
    response_model=UserExport,
    responses=declared(AUTHENTICATED),
)
async def export_user(call: Call, user_id: PathId) -> Response:
    """All that is kept of a person: entries, how they are reached, what happened, and what was told of it."""
    keys = call.service.signing_keys
    return answer(await users.export_user(call.pool, keys, user_id, organization_id=call.organization_id))


@router.delete("/users/{user_id}", operation_id="erase", response_model=Erasure, responses=declared(WITH_BODY))
async def erase(call: Call, user_id: PathId) -> Response:
    """Forget a person: they leave every list, and the history keeps numbers only. Safe to repeat."""
    keys, sign_outs = call.service.signing_keys, call.service.sign_outs
    return answer(await users.erase_user(call.pool, call.engine, keys, sign_outs, call.caller, user_id))
