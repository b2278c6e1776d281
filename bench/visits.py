"""Every page and every call that only reads, with the addresses to visit at size. Found from the routes."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute

from bench.crowd import EVENT_OF_LONG, LONG

Who = Literal["organizer", "fan"]


class Visit(NamedTuple):
    """An address to visit: the route, the query, and for whom."""

    route: str
    query: str
    who: Who
    page: bool

    @property
    def name(self) -> str:
        """The route and the query, to read."""
        short = self.route.replace("/{offer_id}/{representation_id}", "/…")
        return short + (f"?{self.query}" if self.query else "")

    def path(self, **more: str) -> str:
        """The address, with the ids of the long list."""
        known = {
            "offer_id": LONG.offer_id,
            "representation_id": LONG.representation_id,
            "event_id": EVENT_OF_LONG,
            "organization_id": "bench",
            "token": "x",
            "code": "x",
            "tile": "0/000",
            "sequence": "1",
            "wish_id": "00000000-0000-0000-0000-000000000000",
            "mail_code": "x",
            "tickets": "1",
            "verb": "join",
            "name": "page.css",
            "kind": "svg",
            "colour": "1b4f9c",
        }
        path = self.route.format_map(known | more)
        return path + (f"?{self.query}" if self.query else "")


_LONG = f"offer_id={LONG.offer_id}&representation_id={LONG.representation_id}"
QUERIES: dict[str, tuple[str, ...]] = {
    "/": ("organization_id=bench",),
    "/dashboard": ("text=event-00", "text=no+such", "wanted=", "past=", f"event_id={EVENT_OF_LONG}"),
    "/dashboard/waiting-lists/{offer_id}/{representation_id}": (
        "status=waiting",
        "status=left",
        "status=all",
        "left_reason=removed",
        "user_id=u7",
    ),
    "/dashboard/waiting-lists/{offer_id}/{representation_id}/history": (
        "order=oldest",
        "verb=buy",
        "verb=move",
        "actor=organizer",
        "person=7",
        "from=2026-01-01T00:00",
    ),
    "/dashboard/waiting-lists/{offer_id}/{representation_id}/statistics": (
        "period=hour",
        "period=week",
        "range=day",
        "release=3",
    ),
    "/dashboard/events": ("show=past", "show=all", "text=event-00"),
    "/dashboard/people": ("text=u7", "text=7"),
    "/dashboard/people/import": ("text=event-00",),
    "/dashboard/notices": ("status=all", "status=dropped", "status=sent&channel=webhook"),
    "/v1/organizer/changes": ("limit=500", "after=now"),
    "/v1/organizer/entries": (
        _LONG,
        f"{_LONG}&status=left",
        "user_id=u7",
        "status=ready",
        "left_reason=removed",
        "order=number",
        f"{_LONG}&order=number",
    ),
    "/v1/organizer/waiting-lists": (_LONG, "status=ready", "user_id=u7"),
    "/v1/organizer/waiting-lists/{offer_id}/{representation_id}/history": ("verb=buy", "verb=move"),
    "/v1/organizer/waiting-lists/{offer_id}/{representation_id}/statistics": ("period=hour",),
    "/v1/organizer/notices": ("status=dead", "status=pending"),
}
"""What to ask for besides the plain address."""
LEFT_OUT = ("/live", "/dashboard/changes", "{representation_id}/changes", "{anything:path}")
"""How routes end that have no page of their own: streams, whose answer has no end, and unknown addresses."""
FILES = ("/v1/organizer/entries.csv", "/dashboard/waiting-lists/{offer_id}/{representation_id}/entries.csv")
"""Routes whose answer is as long as the data."""


def visits(app: FastAPI) -> Iterator[Visit]:
    """Return what to visit: each route for GET once, then with its queries."""
    for route in app.routes:
        if not isinstance(route, APIRoute) or "GET" not in (route.methods or ()):
            continue
        if route.path.endswith(LEFT_OUT):
            continue
        who: Who = "organizer" if "organizer" in route.path or route.path.startswith("/dashboard") else "fan"
        for query in ("", *QUERIES.get(route.path, ())):
            yield Visit(route.path_format, query, who, page=not route.include_in_schema)
