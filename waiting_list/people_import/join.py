"""Join the people of another system's waiting list, each list in one transaction under its lock.

A transaction checks every person before it commits, so that an import joins all people or none, and none of them
is overtaken. A fan who signs in by e-mail finds the entry, because its user id is the one of that sign-in.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from waiting_list.access.email_sign_in import fan_id
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.csv_files import Refusals
from waiting_list.lists import outbox, verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey, Status
from waiting_list.people_import.read import People, Person
from waiting_list.postgres.pool import Pool, transaction
from waiting_list.problems import InventoryNotFound, Problem, WaitingListEnded, WaitingListNotOpen

ACTOR = "import"
"""The actor that the history names for the joins of an import."""
_AT_ONCE = 5_000
"""How many entries to write with one statement, so that it stays far from its time limit."""


@dataclass(frozen=True)
class Mode:
    """How to join: as a `dry_run` that is rolled back; whether fans get the e-mail that they joined; whether
    their addresses count as verified; whether this process would send e-mails; who does it."""

    dry_run: bool = False
    announces: bool = False
    verified: bool = False
    sends_mail: bool = False
    actor: str = ACTOR


@dataclass
class Joined:
    """What an import did to a list: who joined, was there already, or had left; who can buy now; how many get an
    e-mail that they joined; and whether the deployment sends e-mails."""

    joined: int = 0
    present: int = 0
    left: int = 0
    ready: int = 0
    letters: int = 0
    mails: bool = False


async def join_people(pool: Pool, found: People, mode: Mode) -> dict[ListKey, Joined]:
    """Join all people in order, and return what that did to each list.

    Safe to repeat: it skips people who are or were in their list. With several lists, it checks all before it
    changes the first. Raises ImportRefused, Unavailable.
    """
    lists: defaultdict[ListKey, list[Person]] = defaultdict(list)
    for person in found.people:
        lists[person.key].append(person)
    secret = await SigningKeys(pool).derived_secret()
    refusals = Refusals()
    done: dict[ListKey, Joined] = {}
    for dry_run in [True, False] if len(lists) > 1 and not mode.dry_run else [mode.dry_run]:
        for key, people in lists.items():
            try:
                done[key] = await _join(pool, key, people, replace(mode, dry_run=dry_run), secret)
            except _ListRefused as refused:
                refusals.add("/".join(key), None, str(refused), kind=refused.kind)
            except _PeopleRefused as refused:
                for line, problem in refused.problems:
                    refusals.add(found.file, line, f"{problem.code}: {problem.detail}", kind=problem.code)
        if refusals:
            raise refusals.refused()
    return done


class _ListRefused(Exception):
    """The list takes no joins. `kind` is the code of a problem, or says which option is missing."""

    def __init__(self, why: str, kind: str) -> None:
        super().__init__(why)
        self.kind = kind


class _PeopleRefused(Exception):
    """Some people cannot join. `problems` has the line of each in the file."""

    def __init__(self, problems: Sequence[tuple[int, Problem]]) -> None:
        super().__init__()
        self.problems = problems


async def _join(pool: Pool, key: ListKey, people: Sequence[Person], mode: Mode, secret: bytes) -> Joined:
    """Join the people of one list in one transaction. Raises _ListRefused, _PeopleRefused."""
    async with transaction(pool, undone=mode.dry_run) as acquired:
        locked = await LockedList.open(acquired, key, now=None, secret=secret)
        if locked is None:
            unknown = InventoryNotFound()
            raise _ListRefused(f"{unknown.code}: {unknown.detail}", unknown.code)
        if locked.list.verify_email and not (mode.verified or mode.announces):
            raise _ListRefused(
                "the list asks fans to verify their address."
                " Use --send-mail, so that they are asked, or --verified",
                "verify",
            )
        mails = mode.sends_mail or locked.sends_mail
        if mode.announces and not mails:
            raise _ListRefused(
                "--send-mail needs a service that sends e-mails, and this one sends none."
                " Start it with its mail settings, or leave out --send-mail",
                "no_mail",
            )
        locked.begin(mode.actor)
        users = _users(people, secret, locked.list.organization_id)
        done = Joined(present=len(people) - len(users), mails=mails)
        await locked.other_places.load(users, locked.now)
        await locked.load_latest(users)
        if mode.verified:
            await locked.contacts.load_mailboxes(one.contact.email for one in people if one.contact.email)
        problems: list[tuple[int, Problem]] = []
        for user_id, person in users.items():
            try:
                await _join_one(locked, user_id, person, mode, done)
            except (WaitingListEnded, WaitingListNotOpen) as problem:
                raise _ListRefused(f"{problem.code}: {problem.detail}", problem.code) from problem
            except Problem as problem:
                problems.append((person.line, problem))
        if problems:
            raise _PeopleRefused(problems)
        await verbs.settle(locked)
        done.ready = len(locked.promoted)
        await outbox.write_outbox(locked, announces=mode.announces)
    return done


async def _join_one(locked: LockedList, user_id: str, person: Person, mode: Mode, done: Joined) -> None:
    # A person who has left stays out, however long ago that was.
    if entry := await locked.latest(user_id):
        if entry.status is Status.LEFT:
            done.left += 1
        else:
            done.present += 1
        return
    email = person.contact.email
    await verbs.join(
        locked,
        user_id=user_id,
        tickets_wanted=person.tickets,
        tickets_minimum=person.minimum,
        contact=Contact.of(person.contact, email_verified=mode.verified and email is not None),
    )
    done.joined += 1
    done.letters += mode.announces and email is not None
    if done.joined % _AT_ONCE == 0:
        await locked.flush()


def _users(people: Sequence[Person], secret: bytes, organization_id: str) -> Mapping[str, Person]:
    """Return the people by their user id, in order. Without one in the file, it follows from the address."""
    result: dict[str, Person] = {}
    for person in people:
        address = person.contact.email or person.address
        result.setdefault(person.user_id or fan_id(secret, organization_id, address), person)
    return result
