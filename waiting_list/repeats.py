"""The first answers to requests that carried an Idempotency-Key, kept beside the change that they are about.

They name entries by number, as the history does, and nobody: whose entry it is, is asked when the answer is given
again. So a person who was erased is not in them, and no repeat brings them back.
"""

from collections.abc import Iterator, Mapping, Sequence

from waiting_list.database import sql
from waiting_list.ledger import Ledger
from waiting_list.models import Answer, Entry


async def known_answers(ledger: Ledger, key_hashes: Sequence[bytes]) -> dict[bytes, tuple[bytes, Answer]]:
    """What was answered to these keys in this list, with the hash of the request, by the hash of the key."""
    if not key_hashes:
        return {}
    list_id, fetch = ledger.list.list_id, ledger.connection.fetch
    known = {
        record["key_hash"]: (record["request_hash"], Answer.model_validate_json(record["answer"]))
        for record in await fetch(sql("read_idempotency"), list_id, key_hashes)
    }
    users: dict[int, str | None] = {}
    if numbers := sorted({entry.number for _, answer in known.values() for entry in _entries(answer)}):
        users = {one["number"]: one["user_id"] for one in await fetch(sql("read_users"), list_id, numbers)}
    return {key: (request, _of_users(answer, users)) for key, (request, answer) in known.items()}


async def remember(ledger: Ledger, answers: Sequence[tuple[bytes, bytes, Answer]]) -> None:
    """Keeps the answers to new keys: the hash of the key, that of the request, the answer."""
    if not answers:
        return
    keys, requests, given = zip(*answers, strict=True)
    # Without defaults: a new setting that a list does not use must not keep the version before, which runs beside
    # this one during an upgrade, from reading the answer.
    kept = [_of_users(answer, {}).model_dump_json(exclude_defaults=True) for answer in given]
    list_id, execute = ledger.list.list_id, ledger.connection.execute
    await execute(sql("insert_idempotency"), list_id, keys, requests, kept, ledger.now)


def _entries(answer: Answer) -> Iterator[Entry]:
    if answer.entry is not None:
        yield answer.entry
    yield from answer.promoted


def _of_users(answer: Answer, users: Mapping[int, str | None]) -> Answer:
    """The answer with the entries of these users, by number, and of nobody where none is named."""

    def of_user(entry: Entry) -> Entry:
        return entry.model_copy(update={"user_id": users.get(entry.number)})

    return answer.model_copy(
        update={
            "entry": of_user(answer.entry) if answer.entry is not None else None,
            "promoted": tuple(map(of_user, answer.promoted)),
        }
    )
