"""The route of the pages on which a fan may be signed in."""

from contextlib import suppress

from fastapi import Response

from waiting_list.access.user_tokens import User
from waiting_list.pages.forms import sign_forms
from waiting_list.pages.page import FAN_COOKIE, SHARED, PageRequest, PageRoute
from waiting_list.problems import Forbidden, Unauthenticated


async def admit_fan(call: PageRequest) -> None:
    """Set the caller to the signed-in fan, if any, and check a sent form.

    The cookie contains a user token, as shops make them, so a page can do only what the fan could do through the
    user router. Raises Forbidden, InvalidRequest, Unavailable.
    """
    call.who = await signed_in(call)
    if call.who is not None:
        call.count()
    await sign_forms(call, call.cookie(FAN_COOKIE) if call.who else None)


async def signed_in(call: PageRequest) -> User | None:
    """Return the fan who is signed in in this browser, if any. Raises Unavailable."""
    if (token := call.cookie(FAN_COOKIE)) is not None:
        with suppress(Unauthenticated, Forbidden):  # for example an expired token: then no fan is signed in
            return await call.service.authenticator.user(f"Bearer {token}")
    return None


class FanRoute(PageRoute):
    """A public page on which a fan may be signed in."""

    async def admit(self, call: PageRequest) -> Response | None:
        await admit_fan(call)
        return None


def shared(call: PageRequest) -> dict[str, str]:
    """Return the headers that let caches keep the page, if the reader sent no cookie and no form."""
    return {} if call.cookies or call.method not in ("GET", "HEAD") else SHARED
