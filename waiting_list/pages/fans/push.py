"""The forms with which a fan has this device told when it is their turn, and takes that back.

A script fills them in, because only a browser's script can ask for what they need (push.js).
"""

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.private_links import make_link
from waiting_list.notifications.public_address import check_url
from waiting_list.notifications.pushes import Device, add_device, remove_device
from waiting_list.pages.fans.entry import EntryPageRequest
from waiting_list.pages.forms import read_form
from waiting_list.pages.page import go_to
from waiting_list.problems import InvalidRequest


async def start(call: EntryPageRequest) -> Response:
    """Keep this device of an entry that is in the list. Raises InvalidRequest, Unavailable."""
    form, place = await read_form(call), call.place
    try:
        device = Device.model_validate({name: form.get(name, "") for name in Device.model_fields})
    except ValidationError as error:
        raise InvalidRequest.of(str(error.errors()[0]["loc"][0]), "is not what a browser gives") from None
    check_url(device.endpoint, call.service.settings)
    if place.why_over is None:
        by_link = call.base.startswith(to.PRIVATE_LINKS)
        if not by_link:
            # What is written to fans is read from the row of their contact, which this makes where there is none.
            await make_link(
                call.pool, await call.service.signing_keys.derived_secret(), place.key, place.entry.number
            )
        await add_device(call.pool, place.key, place.entry.number, device, by_link=by_link, now=place.now)
    return go_to(call.base, call.route.headers)


async def stop(call: EntryPageRequest) -> Response:
    """Forget this device of the entry. Raises Unavailable."""
    form, place = await read_form(call), call.place
    await remove_device(call.pool, place.key, place.entry.number, form.get("endpoint", ""))
    return go_to(call.base, call.route.headers)


def add_push_forms(router: APIRouter, path: str) -> None:
    """Add the forms of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.PUSH, start, methods=["POST"])
    router.add_api_route(path + to.PUSH_STOP, stop, methods=["POST"])
