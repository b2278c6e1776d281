"""Make the answers of calls: pages of listings, changed entries, and the models of the engine as JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel

from waiting_list.fields import Frozen
from waiting_list.lists.models import Entry, Inventory
from waiting_list.lists.settings_models import ListSettings
from waiting_list.postgres.pagination import Page

T = TypeVar("T")


class Listing(Frozen, Generic[T]):
    """One page of a listing. `next_cursor` fetches the next page; null at the end."""

    items: list[T]
    next_cursor: str | None


class ChangedEntry(Entry):
    """The entry that a call changed, and the entries that became ready."""

    promoted: list[Entry]


class ChangedInventory(Inventory):
    """The stock after a call, and the entries that became ready."""

    promoted: list[Entry]


class ChangedSettings(ListSettings):
    """The settings after a call, and the entries that became ready."""

    promoted: list[Entry]


Changed = TypeVar("Changed", ChangedEntry, ChangedInventory, ChangedSettings)


def changed_noun(kind: type[Changed], noun: BaseModel, promoted: Sequence[Entry]) -> Changed:
    """Make the answer of a call that changed a noun: its fields, and the entries that became ready."""
    return kind.model_validate(vars(noun) | {"promoted": promoted})


class UserToken(Frozen):
    """A token that lets a page act as a user until it expires."""

    token: str
    expires_at: datetime


def receipt_file(text: str, name: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make the answer with a receipt (C2SP tlog-proof), as a file of this name."""
    named = {"Content-Disposition": f'attachment; filename="{name}.tlog-proof"'}
    return Response(text, headers=named | dict(headers or {}), media_type="text/plain; charset=utf-8")


def answer(body: BaseModel | bytes, *, status: int = 200, replayed: bool = False) -> Response:
    """Make the answer to a call, from a model or from its JSON. FastAPI does not check it again, because the model
    was checked when it was made."""
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    content = body if isinstance(body, bytes) else body.model_dump_json()
    return Response(content, status, headers, media_type="application/json")


def stock_answer(stock: Inventory, *, status: int = 200, replayed: bool = False) -> Response:
    """Make the answer with an inventory. Its ETag is its version, for `If-Match`."""
    made = answer(stock, status=status, replayed=replayed)
    made.headers["ETag"] = f'"{stock.version}"'
    return made


def page(found: Page[Any], kind: type[BaseModel]) -> Response:
    """Make the answer with one page of a listing."""
    return answer(Listing[kind](items=found.items, next_cursor=found.next_cursor))  # type: ignore[valid-type]


def takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip (RFC 9110, 12.5.3)."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
