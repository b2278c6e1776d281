"""One waiting list, said once more and as plainly as can be: what the model test compares the engine with.

Where the rules are silent it says what docs/decisions/0004-stated-policies.md chose.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class Refused(Exception):
    """A call that changed nothing; its argument is the code of the problem."""


def refuse(code: str, *, when: bool) -> None:
    if when:
        raise Refused(code)


@dataclass(eq=False)
class Place:
    number: int
    user: str
    wanted: int
    minimum: int
    status: str = "waiting"
    held: int = 0
    passed_over: int = 0
    lapsed: bool = False
    ready_at: datetime | None = None
    until: datetime | None = None


@dataclass
class Model:
    total: int
    available: int
    maximum: int
    now: datetime
    start: datetime
    policy: str = "strict"
    skip_limit: int = 10
    after_expiry: str = "leave"
    automatic: bool = True
    order: list[Place] = field(default_factory=list)
    promoted: list[Place] = field(default_factory=list)

    def do(self, verb: str, **arguments: Any) -> None:
        """One call; `promoted` is then whom it made ready, in order. Raises Refused."""
        self.promoted = []
        getattr(self, verb)(**arguments)
        if self.automatic and self.now < self.start:
            self.round(self.free)

    @property
    def free(self) -> int:
        return self.available - sum(place.held for place in self.order)

    def are(self, status: str) -> list[Place]:
        return [place for place in self.order if place.status == status]

    def find(self, user: str, *statuses: str) -> Place:
        mine = [place for place in self.order if place.user == user]
        refuse("not_in_list", when=not mine)
        place = max(mine, key=lambda one: one.number)
        refuse("already_left", when=place.status == "left")
        if statuses and place.status not in statuses:
            raise Refused("not_waiting" if place.status == "ready" else "not_ready")
        return place

    def round(self, tickets: int) -> None:
        first = None
        for place in self.are("waiting"):
            if tickets == 0 or (first and first.passed_over >= self.skip_limit):
                return
            if place.minimum > tickets:
                if self.policy == "strict":
                    return
                first = first or place
                continue
            place.status, place.held = "ready", min(place.wanted, tickets)
            place.ready_at, place.until = self.now, self.now + timedelta(hours=24)
            tickets -= place.held
            self.promoted.append(place)
            if first:
                first.passed_over += 1

    def out(self, place: Place) -> None:
        place.status, place.held = "left", 0

    def join(self, user: str, wanted: int, minimum: int) -> None:
        refuse("waiting_list_ended", when=self.now >= self.start)
        refuse("already_in_list", when=any(p.user == user and p.status != "left" for p in self.order))
        refuse("too_many_tickets", when=wanted > self.maximum)
        self.order.append(Place(len(self.order) + 1, user, wanted, minimum))

    def change(self, user: str, wanted: int) -> None:
        place = self.find(user, "waiting")
        refuse("waiting_list_ended", when=self.now >= self.start)
        if wanted > place.wanted:
            refuse("too_many_tickets", when=wanted > self.maximum)
            self.to_last(place)
        place.minimum = wanted if place.minimum == place.wanted else min(place.minimum, wanted)
        place.wanted = wanted

    def leave(self, user: str) -> None:
        self.out(self.find(user))

    def buy(self, user: str, quantity: int | None) -> None:
        mine = max((p for p in self.order if p.user == user), key=lambda one: one.number, default=None)
        refuse("hold_expired", when=mine is not None and mine.lapsed)
        place = self.find(user, "ready")
        assert place.until
        refuse("hold_expired", when=self.now >= min(place.until, self.start))
        refuse("wrong_quantity", when=(quantity or 0) > place.held)
        self.available -= quantity or place.held
        self.out(place)

    def add_stock(self, quantity: int) -> None:
        refuse("exceeds_total_stock", when=self.available + quantity > self.total)
        self.available += quantity

    def remove_stock(self, quantity: int, revoke_holds: bool) -> None:
        refuse("not_enough_stock", when=quantity > self.available)
        refuse("stock_held", when=quantity > self.free and not revoke_holds)
        newest = sorted(self.are("ready"), key=lambda one: (one.ready_at, self.order.index(one)), reverse=True)
        while quantity > self.free:
            revoked = newest.pop(0)
            revoked.status, revoked.held, revoked.ready_at, revoked.until = "waiting", 0, None, None
        self.available -= quantity

    def promote(self, tickets: int) -> None:
        refuse("waiting_list_ended", when=self.now >= self.start)
        refuse("not_enough_stock", when=tickets > self.available)
        refuse("stock_held", when=tickets > self.free)
        self.round(tickets)

    def to_last(self, place: Place) -> None:
        self.order.remove(place)
        self.order.append(place)

    def move(self, user: str, to: str | None, before: str | None) -> None:
        place = self.find(user, "waiting")
        if to == "last":
            return self.to_last(place)
        following = self.find(before, "waiting") if before else self.are("waiting")[0]
        if following is not place:
            self.order.remove(place)
            self.order.insert(self.order.index(following), place)
        return None

    def expire(self) -> None:
        due = sorted((p for p in self.are("ready") if p.until and p.until <= self.now), key=lambda p: p.until)  # type: ignore[arg-type, return-value]
        for place in due:
            self.out(place)
            place.lapsed = True
        for place in due if self.after_expiry == "requeue" and self.now < self.start else ():
            self.order.append(Place(len(self.order) + 1, place.user, place.wanted, place.minimum))

    def end(self) -> None:
        for place in self.order if self.now >= self.start else ():
            self.out(place)

    def configure(self, **settings: Any) -> None:
        for name, value in settings.items():
            setattr(self, name, value)
