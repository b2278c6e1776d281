"""Write the public form of a change, and its leaf in the ledger of the list: docs/ledger.md. No I/O here.

The public form follows from the stored row of the history alone. It is canonical JSON (RFC 8785): `as_json` writes
that form of objects with ASCII names and without fractions, and a change has no others.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from waiting_list.lists.models import CLOCK, FAN


def _text(value: datetime | UUID) -> str:
    return str(value) if isinstance(value, UUID) else value.isoformat()


as_json = json.JSONEncoder(default=_text, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode
"""Writes the fields of a history row, in the canonical form of RFC 8785."""
NOT_PUBLIC = frozenset({"user_id", "subject", "wish_id"})
"""The fields of changes that the public form leaves out: a person, the words of a letter to fans, and what
connects the entries of one person in several lists. A field that was public once stays so, so that old rows keep
their leaves."""
_USER, _SUBJECT, _WISH = (f'"{name}"' for name in ("user_id", "subject", "wish_id"))
_SALT_BYTES = 16


def public_form(list_id: UUID, at: datetime, row: Sequence[Any], reason_hash: bytes | None) -> str:
    """Return the public form of a change of a list.

    The row has the sequence, actor, verb, number, and the fields before and after as `as_json` writes them.
    """
    sequence, actor, verb, number, before, after, *_ = row
    was = "null" if before is None else _public(before)
    whose = "null" if number is None else number
    reason = "null" if reason_hash is None else f'"{reason_hash.hex()}"'
    return (
        f'{{"actor":"{kind_of_actor(actor)}","after":{_public(after)},"at":"{instant(at)}","before":{was},'
        f'"list":"{list_id}","number":{whose},"reason":{reason},"sequence":{sequence},"verb":"{verb}"}}'
    )


def with_leaves(list_id: UUID, at: datetime, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Append to each row of the history its leaf, and the salt and the hash of its reason (None without one).

    Each row is as for `public_form`, with the reason at its end.
    """
    # Joins of fans are most of a history, and come in storms: half the time that `public_form` takes.
    between = f',"at":"{instant(at)}","before":null,"list":"{list_id}","number":'
    done: list[tuple[Any, ...]] = []
    for row in rows:
        sequence, actor, verb, number, _, after, reason = row
        if verb == "join" and actor == FAN and reason is None and _WISH not in after:
            end = f'{number},"reason":null,"sequence":{sequence},"verb":"join"}}'
            form = f'\0{{"actor":"user","after":{after}{between}{end}'
            done.append((*row, sha256(form.encode()).digest(), None, None))
            continue
        salt, hashed = (None, None) if reason is None else seal(reason)
        done.append((*row, leaf(public_form(list_id, at, row, hashed).encode()), salt, hashed))
    return done


def stored_fields(before: str | None, after: str) -> tuple[str | None, str]:
    """Return the fields of a stored change in canonical form: PostgreSQL writes the same JSON in another way."""
    return None if before is None else as_json(json.loads(before)), as_json(json.loads(after))


def leaf(public_form: bytes) -> bytes:
    """Return the leaf hash of a change (RFC 9162, 2.1.1)."""
    return sha256(b"\0" + public_form).digest()


def seal(reason: str) -> tuple[bytes, bytes]:
    """Return a new salt and the hash of the salt and the reason; without the salt, the hash says nothing of it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, sha256(salt + reason.encode()).digest()


def instant(at: datetime) -> str:
    """Write an instant as the ledger does: in UTC, with six digits of the second."""
    # Each batch of joins writes one: a twentieth of the time that strftime takes.
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def kind_of_actor(actor: str) -> str:
    """Return `user`, `service` or `organizer`, without the key or the member."""
    return actor if actor in (FAN, CLOCK) else "organizer"


def _public(fields: str) -> str:
    if _USER in fields or _SUBJECT in fields or _WISH in fields:
        return as_json({name: value for name, value in json.loads(fields).items() if name not in NOT_PUBLIC})
    return fields
