"""The receipts of an entry, which its fan downloads: proofs that its changes are in the ledger of the list."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.ledger.receipts import Proven, receipt
from waiting_list.pages.fans.entry import EntryPageRequest
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.responses import receipt_file


async def send_receipt(call: EntryPageRequest) -> Response:
    """Send the receipt of the entry's newest change by a verb.

    Raises NotFound without such a change, or if the ledger of the list is not public.
    """
    place, asked = call.place, call.path_params["verb"]
    if not place.settings.public_ledger or asked not in [*Proven]:
        raise NotFound("This page does not exist.")
    verb, number = Proven(asked), place.entry.number
    try:
        text = await receipt(call.pool, call.service.checkpoints, place.key, number, verb)
    except InvalidRequest as error:
        raise NotFound("This page does not exist.") from error
    return receipt_file(text, f"{number}-{verb}", call.route.headers | {"X-Content-Type-Options": "nosniff"})


def add_receipts(router: APIRouter, path: str) -> None:
    """Add the receipts of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.RECEIPT, send_receipt, methods=["GET"])
