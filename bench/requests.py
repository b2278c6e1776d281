"""Whole HTTP/1.1 requests, ready to be sent."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from waiting_list.lists.models import ListKey


def request(method: str, path: str, *headers: str, body: Any = None) -> bytes:
    """One request."""
    sent = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if sent:
        lines += ["Content-Type: application/json", f"Content-Length: {len(sent)}"]
    return "\r\n".join([*lines, "", ""]).encode() + sent


def list_path(key: ListKey) -> str:
    """The user's path of a list."""
    return f"/v1/user/waiting-lists/{key.offer_id}/{key.representation_id}"


def joins(keys: Iterable[ListKey], tokens: Iterable[str], *, wanted: int = 2) -> list[bytes]:
    """Each token joins the next of the lists, which come round again."""
    return [
        request(
            "POST", f"{list_path(key)}/entry", f"Authorization: Bearer {token}", body={"tickets_wanted": wanted}
        )
        for key, token in zip(itertools.cycle(keys), tokens, strict=False)
    ]


def polls(keys: Iterable[ListKey], tokens: Iterable[str]) -> list[bytes]:
    """Each token asks for its entry in the next of the lists."""
    return _entry_calls("GET", keys, tokens)


def leaves(keys: Iterable[ListKey], tokens: Iterable[str]) -> list[bytes]:
    """Each token leaves the next of the lists."""
    return _entry_calls("DELETE", keys, tokens)


def _entry_calls(method: str, keys: Iterable[ListKey], tokens: Iterable[str]) -> list[bytes]:
    return [
        request(method, f"{list_path(key)}/entry", f"Authorization: Bearer {token}")
        for key, token in zip(itertools.cycle(keys), tokens, strict=False)
    ]


def pictures(key: ListKey, tag: str | None = None) -> list[bytes]:
    """The picture, unless it is still the one with the tag."""
    headers = ["Accept-Encoding: gzip"] + ([f"If-None-Match: {tag}"] if tag else [])
    return [request("GET", f"{list_path(key)}/queue", *headers)]


def purchases(keys: Iterable[ListKey], users: Iterable[str], api_key: str) -> list[bytes]:
    """Each user's tickets in the next of the lists are bought."""
    return [
        request(
            "POST",
            f"/v1/organizer/waiting-lists/{key.offer_id}/{key.representation_id}/entries/{user}/purchase",
            f"Authorization: Bearer {api_key}",
            body={},
        )
        for key, user in zip(itertools.cycle(keys), users, strict=False)
    ]
