"""Define the public calls for the ledger of a list: its signed checkpoint, its changes, and its tiles."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.convertors import StringConvertor, register_url_convertor

from waiting_list import problems
from waiting_list.api.user.receipts import RECEIPT_TEXT
from waiting_list.ledger import queries
from waiting_list.ledger.receipts import public_receipt
from waiting_list.lists.models import ListKey
from waiting_list.web.openapi import COMMON, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import receipt_file
from waiting_list.web.routes import PublicRoute


class _AnyText(StringConvertor):
    """Several parts of a path, whatever their letters: `path` would not find an address with a line end."""

    regex = r"[\s\S]+"


register_url_convertor("parts", _AnyText())
router = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["Public lists"])
LIST = "/waiting-lists/{offer_id}/{representation_id}"
_SHARED = {"Cache-Control": "public, max-age=1"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_REFUSALS = (*COMMON, problems.InventoryNotFound, problems.LedgerNotPublic)
_JSON_LINES = "application/jsonl"


def _text(description: str, media_type: str, example: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": description, "content": content}}


_ORIGIN = "tickets.example/v1/user/waiting-lists/off_001/rep_001"
_CHECKPOINT = (
    f"{_ORIGIN}\n1207\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\N{EM DASH} {_ORIGIN} "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
_KEYS = f"{_ORIGIN}+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n"
_LINE = (
    '{"actor":"user","after":{"rank":42000000,"status":"waiting","tickets_minimum":2,"tickets_wanted":2},'
    '"at":"2026-11-24T10:05:00.000000Z","before":null,"list":"7d0ae32b-30b7-5a8c-8d8e-5d0d0b0f4f7e","number":42,'
    '"reason":null,"sequence":1207,"verb":"join"}\n'
)


@router.get(
    LIST + "/checkpoint",
    operation_id="get_checkpoint",
    response_class=Response,
    responses=_text("The signed checkpoint.", "text/plain", _CHECKPOINT) | declared(_REFUSALS),
)
async def get_checkpoint(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the newest checkpoint of the list's ledger.

    It is a signed note (C2SP tlog-checkpoint) with the number of changes that it covers, and the root hash of
    their tree. While the list changes, it is at most ten seconds old. Cosignatures of witnesses may follow.
    """
    found = await queries.head(call.pool, call.service.checkpoints, ListKey(offer_id, representation_id))
    return Response(found.note, headers=_SHARED, media_type="text/plain; charset=utf-8")


@router.get(
    LIST + "/ledger-keys",
    operation_id="get_ledger_keys",
    response_class=Response,
    responses=_text("A key in each line, the one in use first.", "text/plain", _KEYS) | declared(_REFUSALS),
)
async def get_ledger_keys(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """List the public keys that sign the checkpoints of the list, or have signed them (C2SP signed-note)."""
    found = await queries.keys(call.pool, call.service.checkpoints, ListKey(offer_id, representation_id))
    text = "".join(f"{one}\n" for one in found)
    return Response(text, headers=_SHARED, media_type="text/plain; charset=utf-8")


@router.get(
    LIST + "/ledger",
    operation_id="read_ledger",
    response_class=Response,
    responses=_text("The changes, a line of JSON each.", _JSON_LINES, _LINE) | declared(_REFUSALS),
)
async def read_ledger(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    start: Annotated[
        int, Query(alias="from", ge=1, le=2**53, description="The sequence of the first change to read.")
    ] = 1,
) -> Response:
    """Stream the changes of the list in their public form, in order, up to the newest checkpoint. The bytes of a
    line, without its end, are what the leaf of the tree is the hash of."""
    key = ListKey(offer_id, representation_id)
    size = (await queries.head(call.pool, call.service.checkpoints, key)).size
    if call.method == "HEAD":
        answer = Response(headers=_SHARED, media_type=_JSON_LINES)
        del answer.headers["Content-Length"]  # a GET has none, because its length is not known before its end
        return answer
    content = queries.lines(call.pool, key.list_id, start, size)
    return StreamingResponse(content, headers=_SHARED, media_type=_JSON_LINES)


@router.get(
    LIST + "/ledger/{sequence}/receipt",
    operation_id="get_change_receipt",
    response_class=Response,
    responses=RECEIPT_TEXT | declared([*_REFUSALS, problems.ChangeNotFound]),
)
async def get_change_receipt(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    sequence: Annotated[int, Path(ge=1, le=2**53, description="The sequence of the change.")],
) -> Response:
    """Prove that a change is in the signed ledger of the list (C2SP tlog-proof), without the service."""
    key = ListKey(offer_id, representation_id)
    text = await public_receipt(call.pool, call.service.checkpoints, key, sequence)
    return receipt_file(text, f"change-{sequence}", _SHARED)


@router.get(
    LIST + "/tile/{tile:parts}",
    operation_id="get_tile",
    response_class=Response,
    responses=_text("The hashes of the tile, 32 bytes each.", "application/octet-stream", "")
    | declared([*_REFUSALS, problems.TileNotFound]),
)
async def get_tile(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    tile: Annotated[
        PathId, Path(description="Level and number, such as `0/x001/067`, `1/000.p/17` or `entries/000`.")
    ],
) -> Response:
    """Show a tile of the tree (C2SP tlog-tiles): up to 256 hashes, or with `entries` the changes themselves."""
    name, key = queries.TileName.read(tile), ListKey(offer_id, representation_id)
    body = await queries.tile(call.pool, call.service.checkpoints, key, name)
    return Response(body, headers=_FOR_EVER, media_type="application/octet-stream")
