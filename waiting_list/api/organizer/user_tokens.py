"""The organizer's call that makes a token for a user."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from waiting_list.access.user_tokens import User
from waiting_list.fields import Id, Quantity
from waiting_list.lists.contact import Contact
from waiting_list.web.openapi import WITH_BODY, declared
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import UserToken, answer
from waiting_list.web.routes import EntriesRoute, organizer_calls

tokens = organizer_calls(EntriesRoute)


class TokenRequest(Contact):
    """The user of a new token, and for how many seconds it is valid.

    The contact details apply to the lists that the user joins with the token.
    """

    user_id: Id
    expires_in: Annotated[Quantity, Field(le=86_400)] = 3600


@tokens.post(
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
