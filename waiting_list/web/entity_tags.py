"""Read and describe the tags of inventories: the `ETag` of an answer, and `If-Match` of a request (RFC 9110)."""

import re
from collections.abc import Container
from typing import Any

from waiting_list.lists.verbs.stock import ANY_VERSION
from waiting_list.problems import InvalidRequest
from waiting_list.web.openapi import sent
from waiting_list.web.parameters import header
from waiting_list.web.request import ApiRequest

IF_MATCH = header(
    "If-Match",
    "The `ETag` of the inventory that the caller knows, or several, or `*` for any. If the inventory has another "
    "one now, the call answers 412 and changes no data. Without the header, the call sets the stock in any case.",
)
"""The header that `if_match` reads."""
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": sent("ETag")}}
"""The description of an answer with an inventory."""
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TAGS = re.compile(rf"[ \t,]*(?:{_TAG.pattern}[ \t]*(?:,[ \t,]*|$))*")
_VERSION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def if_match(call: ApiRequest) -> Container[int] | None:
    """Return the versions that `If-Match` allows; None without the header.

    A weak tag matches no version, because `If-Match` compares strongly (RFC 9110, 13.1.1). Raises InvalidRequest.
    """
    lines = call.headers.getlist("if-match")
    if not lines:
        return None
    given = ", ".join(lines).strip()
    if given == "*":
        return ANY_VERSION
    if not _TAGS.fullmatch(given):
        raise InvalidRequest.of("header.if-match", 'must be * or tags in double quotes, such as "57"')
    return {int(tag) for weak, tag in _TAG.findall(given) if not weak and _VERSION.fullmatch(tag)}
