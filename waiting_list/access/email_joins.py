"""Join fans by an e-mail address alone, and give them the place before they verify it. This module knows no HTTP.

The fan is the one of `email_sign_in.fan_id`, so that a mailbox has one place in a list, however its fan comes. Who
has only typed an address gets this one new entry: its private link, and a token for nothing else. What the mailbox
had before goes to the mailbox alone, as a link to sign in. So does the way to a place where the network of the fan
already has as many unverified places as it may have. docs/joining.md has the threats, and the answers to them.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import urlencode

from waiting_list.access import private_links
from waiting_list.access.email_limits import CountedEmail, MailLimits
from waiting_list.access.email_sign_in import FAN_SECONDS, SignIn, ask_to_sign_in, fan_id
from waiting_list.access.join_gate import ChallengeResponse, Gate
from waiting_list.access.rate_limits import Limits
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import OnlyEntry, User, UserTokens
from waiting_list.access.wishes import MadeWish, Wishes, WishRequest
from waiting_list.batching import Batcher
from waiting_list.i18n import known
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import Contact, ContactFields
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.models import Entry, ListKey
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.lists import Owner, owner
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.page_addresses import LIST, list_field, of_list
from waiting_list.postgres.pool import Pool
from waiting_list.problems import (
    AddressTaken,
    AlreadyInList,
    Forbidden,
    InventoryNotFound,
    NotInList,
    Problem,
    RateLimited,
)
from waiting_list.settings import Settings


class Wish(NamedTuple):
    """What a fan who joins wants."""

    tickets_wanted: int
    tickets_minimum: int | None = None
    keep_waiting_for_rest: bool = False


class NewPlace(NamedTuple):
    """The new place of a fan: the path of its private link, and a token for this entry alone.

    `mailed` says whether the service sends the link to the address.
    """

    entry: Entry
    link: str
    token: str
    expires_at: datetime
    mailed: bool
    replayed: bool


class NewPlaces(NamedTuple):
    """The new places of a fan in several lists, by list and in the order of the wish.

    `refusals` says why other lists refused. A list of the wish that is in neither shows this visitor nothing.
    """

    wish: MadeWish
    places: dict[ListKey, NewPlace]
    refusals: dict[ListKey, Problem]

    @property
    def hidden(self) -> int:
        """How many lists show this visitor nothing."""
        return len(self.wish.outcomes) - len(self.places) - len(self.refusals)


class EmailJoins:
    """Joins by e-mail. Each process has one."""

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        engine: Engine,
        gate: Gate,
        signing_keys: SigningKeys,
        user_tokens: UserTokens,
        limits: Limits,
        mail_limits: MailLimits,
        wishes: Wishes,
    ) -> None:
        self._wishes = wishes
        self._pool = pool
        self._sends_mail = settings.sends_mail
        self._owners: Batcher[ListKey, None, Owner] = Batcher(
            self._read_owner, queue_limit=settings.list_queue_limit, batch_limit=settings.list_queue_limit
        )
        self._most_unverified = settings.unverified_places_per_network
        self._engine = engine
        self._gate = gate
        self._signing_keys = signing_keys
        self._user_tokens = user_tokens
        self._limits = limits
        self._mail_limits = mail_limits

    async def fan(self, key: ListKey, given: ContactFields) -> tuple[User, str]:
        """Return the fan with this address in the organization of a list, and the list's rule for challenges.

        Nobody has shown that the address is theirs.

        Raises InventoryNotFound, Unavailable, and Forbidden if the service sends no e-mails: then no fan could
        ever come back to the place.
        """
        assert given.email is not None
        found = await self._owners.submit(key, None)
        if not (found.sends_mail or self._sends_mail):
            raise Forbidden("This service sends no e-mails. Sign in at the ticket shop, then join from there.")
        secret = await self._signing_keys.derived_secret()
        contact = Contact.of(given, email_verified=False)
        fan = User(fan_id(secret, found.organization_id, given.email), found.organization_id, contact)
        return fan, found.join_challenge

    async def join(
        self,
        key: ListKey,
        caller: Caller,
        fan: User,
        wish: Wish,
        *,
        rule: str,
        address: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
    ) -> NewPlace | None:
        """Join a `fan` of the method above, who comes from an IP address, and return the place.

        `rule` is that of the list for challenges, from there, too. A request that is answered with a challenge
        uses no allowance for e-mails.

        Return None if the address has a place already, or if its fan must verify it first: then the service sends
        a link to the address, as often as its limits allow, and the answer is the same whether it did. A join that
        is repeated with its Idempotency-Key returns the same place again, until its address is verified.

        The caller counts the join for the rate limits. Raises the problems of `verbs.join` but AlreadyInList and
        AddressTaken.
        """
        network, times = self._limits.neighbourhood(address)
        letter = self._letter(fan, address)
        try:
            answer = await self._gate.join(
                key,
                caller,
                user_id=fan.user_id,
                tickets_wanted=wish.tickets_wanted,
                tickets_minimum=wish.tickets_minimum,
                keep_waiting_for_rest=wish.keep_waiting_for_rest,
                contact=fan.contact,
                letter=letter,
                rule=rule,
                network=self._limits.network(address),
                given=given,
                by_email=ByEmail(network, self._most_unverified * times),
            )
        except (AlreadyInList, AddressTaken):
            answer = None
        entry = answer.entry if answer else None
        if answer is None or entry is None or (answer.replayed and not await self._is_new(key, fan, entry)):
            await self._mail_link(key, fan, wish, address)
            return None
        return await self._place(key, fan, entry, letter, replayed=answer.replayed)

    async def join_several(
        self,
        asked: WishRequest,
        caller: Caller,
        fan: User,
        *,
        address: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
    ) -> NewPlaces | None:
        """Join a `fan` of `fan` to several lists with one wish, and return the places.

        What `join` says of one list holds for each. A list where the address has a place already shows nothing.
        Return None if no list shows anything: then the service sends a link to the address. Raises the first
        problem if every list refuses, ChallengeRequired, Unavailable.
        """
        network, times = self._limits.neighbourhood(address)
        letter = self._letter(fan, address)
        made = await self._wishes.make(
            asked,
            caller,
            user_id=fan.user_id,
            contact=fan.contact,
            letter=letter,
            network=self._limits.network(address),
            given=given,
            by_email=ByEmail(network, self._most_unverified * times),
        )
        refusals = {
            key: one
            for key, one in made.outcomes.items()
            if isinstance(one, Problem) and not isinstance(one, AlreadyInList | AddressTaken)
        }
        without_room = [key for key, one in made.outcomes.items() if one is None]
        taken = {key: one for key, one in made.outcomes.items() if isinstance(one, Entry)}
        # As in `join`: after the address was verified, a repeat shows nothing.
        joined = [*taken]
        if caller.idempotency and joined and not await self._is_new(joined[0], fan, taken[joined[0]]):
            without_room, taken = joined, {}
        hidden = len(asked.keys) - len(taken) - len(refusals)
        if without_room or (hidden and not taken):
            first = without_room[0] if without_room else asked.keys[0]
            others = [key for key in asked.keys if key != first]
            wish = Wish(asked.tickets_wanted, asked.tickets_minimum, asked.keep_waiting_for_rest)
            await self._mail_link(first, fan, wish, address, others=others)
        if not taken and hidden:
            return None
        if not taken:
            refusal, *_ = refusals.values()
            raise refusal
        places = {
            key: await self._place(key, fan, entry, letter, replayed=made.replayed) for key, entry in taken.items()
        }
        return NewPlaces(made, places, refusals)

    async def _place(
        self, key: ListKey, fan: User, entry: Entry, letter: CountedEmail, *, replayed: bool
    ) -> NewPlace:
        secret = await self._signing_keys.derived_secret()
        link = await private_links.make_link(self._pool, secret, key, entry.number)
        # From the time of the join, so that a repeated join has the same token.
        token, expires_at = await self._user_tokens.mint(
            fan._replace(only=OnlyEntry(key.list_id, entry.number)), expires_in=FAN_SECONDS, now=entry.joined_at
        )
        mailed = await letter.may_go() if replayed else letter.goes is True
        return NewPlace(entry, link, token, expires_at, mailed, replayed)

    async def _read_owner(self, key: ListKey, take: Callable[[], Sequence[None]]) -> Sequence[Owner | Problem]:
        # Fans who come at once share one query.
        asked = take()
        try:
            found: Owner | Problem = await owner(self._pool, key)
        except InventoryNotFound as problem:
            found = problem
        return [found] * len(asked)

    def _letter(self, fan: User, address: str | None) -> CountedEmail:
        assert fan.contact.email is not None
        limits = self._mail_limits
        return CountedEmail(
            partial(limits.count_given, fan.organization_id, fan.user_id, fan.contact.email, address)
        )

    async def _is_new(self, key: ListKey, fan: User, entry: Entry) -> bool:
        """Return whether a place still is that of who has only typed its address."""
        with suppress(NotInList):
            kept = await entry_queries.contact(self._pool, key, fan.user_id, organization_id=fan.organization_id)
            return kept.number == entry.number and not kept.email_verified
        return False  # another fan has it now

    async def _mail_link(
        self, key: ListKey, fan: User, wish: Wish, address: str | None, *, others: Sequence[ListKey] = ()
    ) -> None:
        """Send a link that signs the fan in and leads to the place, or to the list's page with the tickets
        wanted, and the `others` of the wish."""
        email = fan.contact.email
        assert email is not None
        query: dict[str, object] = {"tickets_wanted": wish.tickets_wanted}
        if wish.tickets_minimum is not None:
            query["tickets_minimum"] = wish.tickets_minimum
        after = f"{of_list(LIST, key)}?{urlencode(query)}"
        if wish.keep_waiting_for_rest:
            after += "&keep_waiting_for_rest=yes"
        for one in others:
            after += f"&{list_field(one.list_id)}=yes"
        with suppress(RateLimited):
            await self._mail_limits.count_sign_in(fan.organization_id, email, address)
            asked = SignIn(fan.organization_id, email, known(fan.contact.locale), after)
            await ask_to_sign_in(self._pool, asked)
            self._engine.wake.set()
