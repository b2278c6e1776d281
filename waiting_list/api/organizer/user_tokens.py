"""Define the organizer's calls about user tokens: make one, and end all of a user."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from waiting_list.access.sign_outs import SignedOut
from waiting_list.access.user_tokens import User
from waiting_list.fields import Id, Quantity
from waiting_list.lists.contact import Contact
from waiting_list.web.openapi import POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import UserToken, answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "User tokens")


class TokenRequest(Contact):
    """The user of a new token, and for how many seconds it is valid.

    The contact details apply to the lists that the user joins with the token.
    """

    user_id: Id
    expires_in: Annotated[Quantity, Field(le=86_400)] = 3600


@router.post(
    "/user-tokens",
    operation_id="create_user_token",
    response_model=UserToken,
    responses=declared(WITH_BODY),
)
async def create_user_token(call: ApiRequest, body: TokenRequest) -> Response:
    """Create a token that lets a page act as one of the organization's users.

    It is valid until it expires or the user signs out. The service does not store it.
    """
    user = User(body.user_id, call.organization_id, Contact.of(body, email_verified=body.email_verified))
    token, expires_at = await call.service.user_tokens.mint(user, expires_in=body.expires_in)
    return answer(UserToken(token=token, expires_at=expires_at))


@router.post(
    "/users/{user_id}/sign-out",
    operation_id="sign_out_user",
    openapi_extra=ONCE,
    response_model=SignedOut,
    responses=declared(POSTED),
)
async def sign_out_user(call: ApiRequest, user_id: PathId) -> Response:
    """End all current tokens of a user, on all devices, within two seconds.

    Later tokens, purchase passes and private links stay valid.
    """
    caller = await call.caller_once()
    done, replayed = await call.service.sign_outs.sign_out(
        call.organization_id, user_id, idempotency=caller.idempotency
    )
    return answer(done, replayed=replayed)
