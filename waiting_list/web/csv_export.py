"""Stream entries as a CSV file, at the pace of the reader."""

import asyncio
from typing import Any

import structlog
from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from waiting_list import problems
from waiting_list.fields import Locale
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import export_layout
from waiting_list.lists.queries.exports import Export
from waiting_list.web.openapi import sent
from waiting_list.web.request import ApiRequest
from waiting_list.web.shown_people import log_people

log = structlog.get_logger(__name__)
EXPORT_SECONDS = 900.0
"""The time limit of an export, because a very slow reader would otherwise block a slot for ever."""
_CSV = "text/csv; charset=utf-8"
_HEADERS = {"Content-Disposition": 'attachment; filename="entries.csv"'}
CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All matching entries. The first row has the names of the columns.",
        "headers": sent("Content-Disposition"),
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
"""The answer of an export, for OpenAPI."""


async def entries_as_csv(
    call: ApiRequest,
    only: entry_queries.EntryFilter,
    *,
    spreadsheet: Locale | None = None,
    contacts: bool = False,
) -> Response:
    """Make the answer with an organization's entries as a CSV file: for programs, or for a `spreadsheet` in a
    language.

    With `contacts`, the file has names and addresses, and a line in the log says who got how many. HEAD gets the
    headers without an export. Raises RateLimited, Unavailable.
    """
    if call.method == "HEAD":
        answer = Response(media_type=_CSV, headers=_HEADERS)
        del answer.headers["Content-Length"]  # a GET has none, because its length is not known before its end
        return answer
    layout = (
        export_layout.plain(contacts=contacts)
        if spreadsheet is None
        else export_layout.spreadsheet(spreadsheet, contacts=contacts)
    )
    export = await call.service.exports.open(call.organization_id, only, layout, contacts=contacts)
    return _ExportResponse(export, call)


class _ExportResponse(StreamingResponse):
    """Send an export, and close it at its end, when the reader disconnects, or when the process ends."""

    def __init__(self, export: Export, call: ApiRequest) -> None:
        super().__init__(export.chunks(), media_type=_CSV, headers=_HEADERS)
        self._export = export
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(EXPORT_SECONDS):
                await super().__call__(scope, receive, send)
        except (TimeoutError, problems.Unavailable) as error:
            # The server then cuts the connection, so that the reader notices that the answer is incomplete.
            log.warning("export_cut_off", error=type(error).__name__)
        finally:
            await self._export.close()
            log_people(self._call, self._export.people, shown_in="export")
