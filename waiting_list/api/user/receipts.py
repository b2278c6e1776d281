"""Define the fan's call for a receipt: the proof that a change of their entry is in the signed ledger."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from waiting_list import problems
from waiting_list.api.user.entries import ENTRY
from waiting_list.ledger.receipts import Proven, receipt
from waiting_list.lists.models import ListKey
from waiting_list.web.openapi import AUTHENTICATED, declared, sent
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import receipt_file
from waiting_list.web.routes import UserRoute

router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["My entries"])
_EXAMPLE = "c2sp.org/tlog-proof@v1\nextra eyJhY3RvciI6InVzZXIi\N{HORIZONTAL ELLIPSIS}\nindex 1206\n"

RECEIPT_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The receipt.",
        "headers": sent("Content-Disposition"),
        "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}
"""The answer of each call that gives a receipt."""


@router.get(
    ENTRY + "/receipt",
    operation_id="get_receipt",
    response_class=Response,
    responses=RECEIPT_TEXT | declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_receipt(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    verb: Annotated[Proven, Query(description="The change to prove: the newest of this kind.")] = Proven.JOIN,
) -> Response:
    """Prove that a change of the user's latest entry is in the signed ledger of the list (C2SP tlog-proof). It
    verifies without the service."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
    text = await receipt(call.pool, call.service.checkpoints, key, entry.number, verb)
    return receipt_file(text, f"{entry.number}-{verb}")
