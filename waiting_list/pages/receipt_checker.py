"""Serve what checks ledgers without the service: the page for receipts, and the script for all of a ledger.

Both are files that readers keep and open later, from their own disk. The page makes no request: its own policy
allows only the script and the style in it, by their hashes.
"""

import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from waiting_list.page_addresses import LEDGER_SCRIPT, RECEIPT_CHECKER
from waiting_list.pages.page import HEADERS
from waiting_list.pages.static_files import StaticFile, answer_file
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import ToolRoute

_FOLDER = files("waiting_list.ledger")
_KEPT = {"Cache-Control": "public, max-age=300"}

router = APIRouter(route_class=ToolRoute, include_in_schema=False)


@router.get(RECEIPT_CHECKER)
async def show_receipt_checker(call: ApiRequest) -> Response:
    """Show the page that checks receipts, which is the same file on a reader's disk."""
    file, policy = _page()
    headers = HEADERS | _KEPT | {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
    return await answer_file(call, file, headers)


@router.get(LEDGER_SCRIPT)
async def get_ledger_script(call: ApiRequest) -> Response:
    """Send the script that downloads a ledger and replays it."""
    named = {"Content-Disposition": 'attachment; filename="verify_ledger.py"'}
    return await answer_file(call, _script(), _KEPT | named)


@cache
def _page() -> tuple[StaticFile, str]:
    body = (_FOLDER / "verify_receipt.html").read_bytes()
    found = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', body.decode())
    assert found is not None
    return StaticFile(body, "text/html"), found[1]


@cache
def _script() -> StaticFile:
    return StaticFile((_FOLDER / "verify_ledger.py").read_bytes(), "text/plain")
