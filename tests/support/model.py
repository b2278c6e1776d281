"""Model one waiting list as plainly as possible. The model test compares the engine with it.

Where the rules leave a choice, the model follows docs/decisions/0004-stated-policies.md.
"""

import hmac
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Paris")


def mailbox(email: str, *, ignore_tags: bool) -> str:
    """Return the mailbox of an address in the stories."""
    name, _, domain = email.partition("@")
    return f"{name.partition('+')[0] if ignore_tags else name}@{domain}"


class Refused(Exception):
    """A refused call, which changed no data. Its argument is the code of the problem."""


def refuse(code: str, *, when: bool) -> None:
    if when:
        raise Refused(code)


@dataclass(eq=False)
class Wish:
    """A wish over several lists, each of which is a model of its own."""

    choice: str
    held: "EntryDetails | None" = None
    done: "Model | None" = None

    def is_done(self, home: "Model") -> bool:
        return self.done is not None and self.done is not home

    def is_taken(self, home: "Model") -> bool:
        return self.is_done(home) or (self.held is not None and self.held.home is not home)

    def hold(self, place: "EntryDetails") -> None:
        if self.choice != "keep_until_bought":
            self.held = place
        if self.choice == "withdraw_when_held":
            self.done = self.done or place.home

    def release(self, place: "EntryDetails", *, bought: bool = False) -> None:
        self.held = None if self.held is place else self.held
        self.done = self.done or (place.home if bought else None)


@dataclass(eq=False)
class EntryDetails:
    number: int
    user: str | None
    wanted: int
    minimum: int
    status: str = "waiting"
    reason: str | None = None
    held: int = 0
    passed_over: int = 0
    requeued: int = 0
    keeps: bool = False
    failed: bool = False
    paused_at: datetime | None = None
    home: "Model | None" = None
    wish: Wish | None = None
    aside: bool = False
    transferred: bool = False
    joined_at: datetime | None = None
    left_at: datetime | None = None
    ready_at: datetime | None = None
    paid_at: datetime | None = None
    until: datetime | None = None
    email: str | None = None
    verified: bool = False
    network: str | None = None
    lapsed_at: datetime | None = None
    rank: float = 0
    undo: "tuple[datetime, tuple[Any, ...]] | None" = None
    """When the fan changed the wish, and what it was before, while that can be undone."""

    @property
    def wish_and_place(self) -> "tuple[Any, ...]":
        return self.rank, self.passed_over, self.wanted, self.minimum, self.keeps

    @property
    def is_rest(self) -> bool:
        return self.status == "ready" and self.keeps and self.held < self.wanted

    def out(self, reason: str, ends: datetime) -> None:
        if self.status == "ready":
            self.until = min(self.until or ends, ends)
            if self.wish:
                self.wish.release(self, bought=reason == "bought")
        self.aside = False
        self.status, self.reason, self.held, self.paused_at = "left", reason, 0, None


def newest(entry: EntryDetails) -> tuple[bool, datetime | None, int]:
    """Order the entries of one user: those that left, by when, before the active one."""
    return entry.status != "left", entry.left_at, entry.number


@dataclass
class Model:
    total: int
    available: int
    maximum: int
    now: datetime
    start: datetime
    policy: str = "strict"
    skip_limit: int = 10
    idle_minutes: int | None = None
    idle_until: datetime | None = None
    hold_minutes: int | None = 24 * 60
    hold_steps: list[dict[str, int]] = field(default_factory=list)
    quiet_from: str | None = None
    quiet_until: str | None = None
    verify_email: bool = False
    join_challenge: str = "off"
    one_place_per_address: bool | None = None
    ignore_address_tags: bool = True
    hold_grace_seconds: int = 900
    email_required: bool = False
    skip_failed_addresses: bool = False
    transfer_allowed: bool = False
    after_expiry: str = "leave"
    requeue_limit: int | None = 1
    automatic: bool = True
    max_waiting: int | None = None
    closes_at: datetime | None = None
    draw_at: datetime | None = None
    """When the lots of a list can be drawn; None if its order is by arrival."""
    drawn_with: str | None = None
    open: bool = True
    by_hand: bool = False
    marked_at: datetime | None = None
    order: list[EntryDetails] = field(default_factory=list)
    promoted: list[EntryDetails] = field(default_factory=list)
    wishes: dict[str, Wish] = field(default_factory=dict)
    last_rank: int = 0
    most_joins: int = 20
    joins: list[tuple[str, datetime]] = field(default_factory=list)

    def do(self, verb: str, **arguments: Any) -> None:
        """Do one call. `promoted` then names the users who became ready, in order. Raises Refused."""
        self.promoted, minutes = [], self.idle_minutes
        getattr(self, verb)(**arguments)
        for place in self.order:
            if place.status == "left":
                place.left_at = place.left_at or self.now
        serves = self.automatic and self.now < self.ends and not self.undrawn
        if serves:
            self.round(self.free)
        waits = self.policy == "strict" and serves and self.free and self.in_line()
        if self.idle_minutes is None or not waits:
            self.idle_until = None
        elif self.promoted or self.idle_until is None or minutes != self.idle_minutes:
            self.idle_until = self.now + timedelta(minutes=self.idle_minutes)

    def idle(self) -> None:
        if self.idle_until is None or self.now < self.idle_until or self.now >= self.ends or self.undrawn:
            return
        self.idle_until = None
        self.forget_undo()
        self.round(self.free, policy="skip")

    @property
    def undrawn(self) -> bool:
        return self.draw_at is not None and self.drawn_with is None

    def draw(self, secret: bytes, randomness: str) -> None:
        refuse("cannot_draw", when=self.draw_at is None or self.drawn_with not in (None, randomness))
        assert self.draw_at
        if self.drawn_with is not None:
            return
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("cannot_draw", when=self.now < self.draw_at)
        self.forget_undo()
        self.drawn_with, seed = randomness, sha256(secret + randomness.encode()).digest()
        # The lots stand before all numbers.
        drawn = [one for one in self.order if one.status != "left" and (one.joined_at or self.now) < self.draw_at]
        drawn.sort(key=lambda one: hmac.new(seed, one.number.to_bytes(8, "big"), sha256).digest())
        for place, one in enumerate(drawn, 1):
            one.rank = place - len(drawn)
        self.order.sort(key=lambda one: one.rank)

    def draw_by_clock(self, secret: bytes, randomness: str) -> None:
        if self.undrawn and self.draw_at and self.draw_at + timedelta(hours=24) <= self.now < self.ends:
            self.draw(secret, randomness)

    @property
    def ends(self) -> datetime:
        return min(self.closes_at or self.start, self.start)

    @property
    def free(self) -> int:
        return self.available - sum(place.held for place in self.order)

    def are(self, status: str) -> list[EntryDetails]:
        return [place for place in self.order if place.status == status]

    def latest(self, user: str) -> EntryDetails:
        mine = [place for place in self.order if place.user == user]
        refuse("not_in_list", when=not mine)
        return max(mine, key=newest)

    def find(self, user: str, *, waiting: bool = False) -> EntryDetails:
        place = self.latest(user)
        refuse("already_left", when=place.status == "left")
        refuse("not_waiting", when=waiting and place.status == "ready")
        return place

    def hold(self) -> datetime | None:
        left = (self.start.astimezone(ZONE).date() - self.now.astimezone(ZONE).date()).days
        steps = sorted((one["days_before"], one["hold_minutes"]) for one in self.hold_steps)
        minutes = next((minutes for days, minutes in steps if left <= days), self.hold_minutes)
        if minutes is None:
            return None
        until = self.now + timedelta(minutes=minutes)
        while self.is_quiet(until.astimezone(ZONE).strftime("%H:%M")):
            until = (until + timedelta(minutes=1)).replace(second=0)
        return until

    def is_quiet(self, time: str) -> bool:
        if self.quiet_from is None or self.quiet_until is None:
            return False
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= time < self.quiet_until
        return time >= self.quiet_from or time < self.quiet_until

    @property
    def most(self) -> int:
        return min(self.maximum, self.total)

    def check_wish(self, wanted: int, minimum: int) -> None:
        refuse("too_many_tickets", when=wanted > self.maximum or minimum > (self.most or self.maximum))

    def put_offer(self, maximum: int) -> None:
        self.maximum = maximum

    def round(self, tickets: int, policy: str | None = None) -> None:
        first = None
        for place in self.in_line():
            is_rest, least = place.is_rest, 1 if place.is_rest else place.minimum
            if is_rest and place.until and place.until <= self.now:
                continue
            if not is_rest and self.verify_email and place.email and not place.verified:
                continue
            if not is_rest and self.skip_failed_addresses and place.failed:
                continue
            if place.paused_at is not None or place.aside or place.held + least > self.most:
                continue
            if tickets == 0 or (policy is None and first and first.passed_over >= self.skip_limit):
                return
            if least > tickets:
                first = first or place
                if (policy or self.policy) == "strict":
                    return
                continue
            if not is_rest and place.wish and place.wish.is_taken(self):
                place.aside = True
                continue
            more = min(place.wanted - place.held, tickets, self.most - place.held)
            self.hold_more(place, more)
            tickets -= more
            self.promoted.append(place)
            if first and policy is None:
                first.passed_over += 1

    def in_line(self) -> list[EntryDetails]:
        return [place for place in self.order if place.status == "waiting" or place.is_rest]

    def forget_undo(self) -> None:
        for place in self.order:
            place.undo = None

    def hold_more(self, place: EntryDetails, tickets: int) -> None:
        self.forget_undo()
        until = self.hold()
        if place.status == "ready":
            until = max(until, place.until) if until and place.until else None
        else:
            place.status, place.ready_at, place.paused_at = "ready", self.now, None
            place.aside = False
            if place.wish:
                place.wish.hold(place)
        place.held, place.until = place.held + tickets, until

    def set_stock(self, available: int, total: int | None = None) -> None:
        self.open |= available == 0 < self.available and not self.by_hand
        self.available, self.total = available, total or self.total

    def check_free(self, quantity: int, *, unless: bool = False) -> None:
        refuse("not_enough_stock", when=quantity > self.available)
        refuse("stock_held", when=quantity > self.free and not unless)

    def append(
        self,
        user: str | None,
        wanted: int,
        minimum: int,
        email: str | None = None,
        verified: bool = False,
        keeps: bool = False,
    ) -> None:
        entry = EntryDetails(
            len(self.order) + 1,
            user,
            wanted,
            minimum,
            email=email,
            verified=verified,
            keeps=keeps,
            joined_at=self.now,
        )
        entry.home = self
        entry.rank = self.last_rank = self.last_rank + 1
        self.order.append(entry)

    def to_last(self, place: EntryDetails) -> None:
        if place is not self.order[-1]:
            place.passed_over = 0
        self.order.remove(place)
        self.order.append(place)
        place.rank = self.last_rank = self.last_rank + 1

    def organizer_moved(self) -> None:
        self.forget_undo()
        self.last_rank = len(self.order)
        for rank, place in enumerate(self.order):
            place.rank = rank

    def check_mailbox(self, email: str, place: EntryDetails | None = None) -> None:
        rule = self.verify_email if self.one_place_per_address is None else self.one_place_per_address
        mailboxes = [
            mailbox(one.email, ignore_tags=self.ignore_address_tags)
            for one in self.order
            if one is not place and one.status != "left" and one.email and one.verified
        ]
        refuse("address_taken", when=rule and mailbox(email, ignore_tags=self.ignore_address_tags) in mailboxes)

    def join(
        self,
        user: str,
        wanted: int,
        minimum: int,
        email: str | None = None,
        solved: bool = False,
        email_verified: bool = False,
        keeps: bool = False,
        network: str | None = None,
        most: int = 0,
    ) -> None:
        # Who looks at a network forgets those who left it.
        for one in self.order if most else ():
            one.network = None if (one.status, one.network) == ("left", network) else one.network
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("waiting_list_not_open", when=not self.open)
        refuse("already_in_list", when=any(p.user == user and p.status != "left" for p in self.order))
        self.check_wish(wanted, minimum)
        refuse("email_required", when=email is None and (self.email_required or self.verify_email))
        refuse(
            "waiting_list_full", when=self.max_waiting is not None and len(self.are("waiting")) >= self.max_waiting
        )
        wish = self.wishes.get(user)
        refuse("wish_fulfilled", when=wish is not None and wish.is_done(self))
        mine = [at for one, at in self.joins if one == user]
        refuse("rate_limited", when=sum(at > self.now - timedelta(hours=24) for at in mine) >= self.most_joins)
        if email and (email_verified or network):
            self.check_mailbox(email)
        if most and sum(one.status != "left" and one.network == network for one in self.order) >= most:
            return
        refuse("challenge_required", when=self.join_challenge == "always" and not solved)
        before = max((one for one in self.order if one.user == user), key=newest, default=None)
        # At the very instant of a lapse it cannot be told from waiting again after it.
        if before is None or before.lapsed_at != self.now:
            self.joins.append((user, self.now))
        self.append(user, wanted, minimum, email, email_verified, keeps)
        self.order[-1].network = network
        self.order[-1].wish = wish

    def join_by_email(self, user: str, wanted: int, email: str, network: str, most: int) -> None:
        self.join(user, wanted, wanted, email, network=network, most=most)

    def correct_address(self, user: str, new_user: str, email: str) -> None:
        place = self.find(user)
        refuse("invalid_request", when=place.email is None or place.verified)
        if new_user != user:
            refuse("address_taken", when=any(p.user == new_user and p.status != "left" for p in self.order))
            self.check_mailbox(email)
            place.user = new_user
        place.failed = False
        place.email = email

    def set_contact(self, user: str, email: str | None, email_verified: bool = False) -> None:
        place = self.find(user)
        refuse("email_required", when=email is None and (self.email_required or self.verify_email))
        if email != place.email or not place.verified:
            if email and email_verified:
                self.check_mailbox(email, place)
            place.failed = place.failed and email == place.email
            place.email, place.verified = email, email_verified and email is not None
            place.network = None if place.verified else place.network

    def verify(self, user: str, email: str) -> None:
        place = self.find(user)
        refuse("invalid_request", when=place.email != email)
        if not place.verified:
            self.check_mailbox(email, place)
        place.verified, place.failed, place.network = True, False, None

    def fail_address(self, user: str, email: str) -> None:
        self.note_address(user, email, failed=True)

    def mend_address(self, user: str, email: str) -> None:
        self.note_address(user, email, failed=False)

    def note_address(self, user: str, email: str, *, failed: bool) -> None:
        mine = [place for place in self.order if place.user == user and place.status != "left"]
        for place in mine:
            place.failed = failed if place.email == email else place.failed

    def change(self, user: str, wanted: int | None, minimum: int | None, keeps: bool | None = None) -> None:
        place = self.find(user, waiting=not (keeps is False and wanted is minimum is None))
        refuse("waiting_list_ended", when=self.now >= self.ends)
        wanted = wanted or place.wanted
        minimum = minimum or (wanted if place.minimum == place.wanted else min(place.minimum, wanted))
        refuse("invalid_request", when=minimum > wanted)
        if (wanted, minimum) != (place.wanted, place.minimum):
            self.check_wish(wanted if wanted != place.wanted else minimum, minimum)
        was = place.wish_and_place
        if wanted > place.wanted and not self.undrawn:
            self.to_last(place)
        place.wanted, place.minimum = wanted, minimum
        place.keeps = place.keeps if keeps is None else keeps
        if place.wish_and_place[2:] != was[2:]:
            place.undo = (self.now, was)

    def undo(self, user: str) -> None:
        place = self.find(user, waiting=True)
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("invalid_request", when=not place.undo or self.now - place.undo[0] >= timedelta(minutes=1))
        assert place.undo
        place.rank, place.passed_over, place.wanted, place.minimum, place.keeps = place.undo[1]
        place.undo = None
        self.order.sort(key=lambda one: one.rank)

    def link(self, user: str) -> None:
        place, wish = self.find(user, waiting=True), self.wishes[user]
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("wish_fulfilled", when=wish.is_done(self))
        place.aside = place.aside and place.wish is wish
        place.wish = wish

    def unlink(self, user: str) -> None:
        place = self.find(user)
        if place.status == "ready" and place.wish:
            place.wish.release(place)
        place.wish, place.aside = None, False

    def heed(self) -> None:
        for place in self.order:
            if place.status != "left" and place.wish and place.wish.is_done(self):
                place.out("cancelled", self.ends)
            elif place.aside and place.wish and not place.wish.is_taken(self):
                place.aside = False

    def pause(self, user: str) -> None:
        place = self.find(user, waiting=True)
        refuse("waiting_list_ended", when=self.now >= self.ends)
        place.paused_at = place.paused_at or self.now

    def unpause(self, user: str) -> None:
        place = self.find(user, waiting=True)
        refuse("waiting_list_ended", when=self.now >= self.ends)
        place.paused_at = None

    def transfer(self, user: str, new_user: str, email: str) -> None:
        place = self.find(user)
        refuse("transfer_not_allowed", when=not self.transfer_allowed or place.wish is not None)
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("transfer_not_allowed", when=place.email is not None and not place.verified)
        own = place.email is not None and mailbox(place.email, ignore_tags=True) == mailbox(
            email, ignore_tags=True
        )
        refuse("address_taken", when=own)
        refuse("transfer_not_allowed", when=place.transferred)
        refuse("already_in_list", when=any(p.user == new_user and p.status != "left" for p in self.order))
        self.check_mailbox(email, place)
        place.user, place.email, place.verified, place.failed = new_user, email, True, False
        place.transferred = True
        assert place.joined_at
        if (user, place.joined_at) in self.joins:
            self.joins.remove((user, place.joined_at))
        self.joins.append((new_user, place.joined_at))

    def leave(self, user: str) -> None:
        self.find(user).out("cancelled", self.ends)

    def remove(self, user: str) -> None:
        self.find(user).out("removed", self.ends)

    def erase(self, user: str) -> None:
        for place in [place for place in self.order if place.user == user]:
            if place.status != "left":
                place.out("removed", self.ends)
            place.user = None
            place.email, place.verified, place.network = None, False, None
        self.joins = [one for one in self.joins if one[0] != user]

    def find_hold(self, user: str) -> EntryDetails:
        latest = self.latest(user)
        late = latest.status != "left" or latest.reason in ("expired", "ended")
        refuse("waiting_list_ended", when=late and self.now >= self.ends)
        refuse("hold_expired", when=latest.reason == "expired")
        place = self.find(user)
        refuse("hold_expired", when=place.status == "waiting" and place.requeued > 0)
        refuse("not_ready", when=place.status == "waiting")
        refuse("hold_expired", when=self.now >= min(place.until or self.ends, self.ends))
        return place

    def give_back(self, user: str, quantity: int) -> None:
        place = self.find_hold(user)
        refuse("wrong_quantity", when=quantity > place.held)
        if quantity == place.held:
            return place.out("cancelled", self.ends)
        place.held -= quantity
        place.wanted, place.minimum = place.held, min(place.minimum, place.held)
        return None

    def later(self, place: EntryDetails, until: datetime) -> bool:
        deadline = min(place.until or self.ends, self.ends)
        until = min(until, self.ends)
        if not self.now < deadline < until:
            return False
        place.until = until
        return True

    def grant(self, user: str, tickets: int, add_stock: bool) -> None:
        refuse("waiting_list_ended", when=self.now >= self.ends)
        before = max((one for one in self.order if one.user == user), key=newest, default=None)
        place = before if before and before.status != "left" else None
        ready = place if place and place.status == "ready" else None
        refuse("hold_expired", when=ready is not None and self.now >= min(ready.until or self.ends, self.ends))
        held = tickets + (ready.held if ready else 0)
        refuse("too_many_tickets", when=held > self.maximum)
        if not add_stock:
            self.check_free(tickets)
        missing = max(0, tickets - self.free)
        self.set_stock(self.available + missing, self.total + missing)
        if place is None:
            rule = self.verify_email if self.one_place_per_address is None else self.one_place_per_address
            email, verified = (before.email, before.verified) if before and not rule else (None, False)
            if before is None or before.lapsed_at != self.now:
                self.joins.append((user, self.now))
            self.append(user, tickets, tickets, email, verified)
            place = self.order[-1]
            place.failed = before is not None and before.failed and not rule
            place.network = before.network if before and not rule else None
        if place.status == "waiting" and place.wish and place.wish.is_taken(self):
            place.wish = None
        self.hold_more(place, tickets)
        place.wanted, place.minimum = max(place.wanted, held), min(place.minimum, held)

    def extend(self, user: str, minutes: int) -> None:
        place = self.find_hold(user)
        deadline = min(place.until or self.ends, self.ends)
        refuse("invalid_request", when=not self.later(place, deadline + timedelta(minutes=minutes)))

    def extend_all(self, until: datetime, numbers: Collection[int] | None = None) -> None:
        refuse("invalid_request", when=until <= self.now)
        for place in self.are("ready"):
            if numbers is None or place.number in numbers:
                self.later(place, until)

    def checkout(self, user: str) -> None:
        place = self.find_hold(user)
        refuse("checkout_used", when=place.paid_at is not None and place.paid_at >= place.ready_at)
        deadline = min(place.until or self.ends, self.ends)
        if self.later(place, deadline + timedelta(seconds=self.hold_grace_seconds)):
            place.paid_at = self.now

    def buy(self, user: str, quantity: int | None) -> None:
        place = self.find_hold(user)
        refuse("wrong_quantity", when=(quantity or 0) > place.held)
        self.set_stock(self.available - (quantity or place.held))
        if not place.is_rest or (quantity or place.held) < place.held:
            return place.out("bought", self.ends)
        if place.wish:
            place.wish.release(place, bought=True)
        place.wanted, place.minimum, place.requeued = place.wanted - place.held, 1, 0
        place.status, place.held, place.ready_at, place.until = "waiting", 0, None, None
        return None

    def add_stock(self, quantity: int) -> None:
        refuse("exceeds_total_stock", when=self.available + quantity > self.total)
        self.set_stock(self.available + quantity)

    def add_total_stock(self, quantity: int) -> None:
        self.set_stock(self.available + quantity, self.total + quantity)

    def remove_stock(self, quantity: int, revoke_holds: bool) -> None:
        self.check_free(quantity, unless=revoke_holds)
        newest = sorted(self.are("ready"), key=lambda one: (one.ready_at, self.order.index(one)), reverse=True)
        enough = (
            few
            for count in range(len(newest) + 1)
            for few in itertools.combinations(newest, count)
            if sum(place.held for place in few) >= quantity - self.free
        )
        for revoked in next(enough):
            revoked.status, revoked.held, revoked.ready_at, revoked.until = "waiting", 0, None, None
            if revoked.wish:
                revoked.wish.release(revoked)
        self.set_stock(self.available - quantity)

    def remove_total_stock(self, quantity: int) -> None:
        self.check_free(quantity)
        self.set_stock(self.available - quantity, self.total - quantity)

    def put_stock(self, total: int, available: int, is_open: bool | None) -> None:
        refuse("stock_held", when=available < self.available - self.free)
        self.set_stock(available, total)
        if is_open is not None:
            self.open, self.by_hand = is_open, not is_open

    def promote(self, tickets: int) -> None:
        refuse("waiting_list_ended", when=self.now >= self.ends)
        refuse("not_drawn", when=self.undrawn)
        self.check_free(tickets)
        self.round(tickets)

    def live(self) -> list[EntryDetails]:
        return [p for p in self.in_line() if not (p.is_rest and p.until and p.until <= self.now)]

    def move_several(self, numbers: Collection[int], to: str) -> None:
        refuse("not_drawn", when=self.undrawn)
        chosen = [place for place in self.are("waiting") if place.number in numbers]
        if to == "last":
            for place in chosen:
                self.to_last(place)
            return
        following = next((place for place in self.live() if place not in chosen), None)
        if following is None:
            return
        behind = [place for place in chosen if self.order.index(place) > self.order.index(following)]
        self.order = [place for place in self.order if place not in behind]
        at = self.order.index(following)
        self.order[at:at] = behind

    def move(self, user: str, to: str | None, before: str | None, after: str | None = None) -> None:
        refuse("not_drawn", when=self.undrawn)
        place = self.find(user, waiting=True)
        if to == "last":
            return self.to_last(place)
        if after:
            other = self.find(after, waiting=True)
            if other is place:
                return None
            self.order.remove(place)
            at = self.order.index(other) + 1
            is_last = all(one.status == "left" for one in self.order[at:])
            self.order.insert(len(self.order) if is_last else at, place)
            return None
        following = self.find(before, waiting=True) if before else self.live()[0]
        if following is not place:
            self.order.remove(place)
            self.order.insert(self.order.index(following), place)
        return None

    def expire(self) -> None:
        due = [place for place in self.are("ready") if place.until and place.until <= self.now]
        for place in due:
            place.out("expired", self.ends)
            place.lapsed_at = self.now
        if self.after_expiry == "requeue" and self.now < self.ends:
            for place in sorted(due, key=lambda one: one.until or self.ends):
                if self.requeue_limit is None or place.requeued < self.requeue_limit:
                    self.append(place.user, place.wanted, place.minimum, place.email, place.verified, place.keeps)
                    again = self.order[-1]
                    again.requeued, again.failed, again.wish = place.requeued + 1, place.failed, place.wish
                    again.network = place.network

    def end(self, grace: timedelta) -> None:
        if self.now < self.ends:
            return
        if self.marked_at is None or self.marked_at < self.ends:
            self.marked_at = self.now
        for place in self.order if self.now >= self.marked_at + grace else ():
            if place.status != "left":
                place.out("ended", self.ends)

    def resume(self) -> None:
        if self.now < self.ends:
            self.marked_at = None

    def reschedule(self, start: datetime) -> None:
        self.start = start
        self.resume()

    def configure(self, **settings: Any) -> None:
        refuse("invalid_request", when=(settings.get("closes_at") or self.start) > self.start)
        quiet = {name: settings.get(name, getattr(self, name)) for name in ("quiet_from", "quiet_until")}
        refuse("invalid_request", when=quiet["quiet_from"] == quiet["quiet_until"] is not None)
        for name, value in settings.items():
            setattr(self, "transfer_allowed" if name == "transfer" else name, value)
        if "open" in settings:
            self.by_hand = not self.open
        self.resume()
