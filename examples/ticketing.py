"""A small ticketing platform that sells from waiting lists: what a real one has to do, to copy from.

    source .venv/bin/activate
    WAITING_LIST_KEY=$(waiting-list create-key my-platform) python examples/ticketing.py

plays one evening against the service at WAITING_LIST_URL (http://127.0.0.1:8000 unless set), and prints what
happens. Each run is another evening, with a show of its own. It needs
`pip install httpx 'pyjwt[crypto]' standardwebhooks`. docs/how-to/integrate.md goes through it.
"""

import hashlib
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import jwt
from standardwebhooks import Webhook, WebhookVerificationError

TRIES = 6
LATER = {429, 502, 503, 504}
"""What may succeed later: too many requests, and a service that is away for a moment."""


class Refused(Exception):
    """The service refused a call, and changed nothing. `code` says why: docs/problems.md."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code: str = problem["code"]
        self.problem = problem


class WaitingLists:
    """The calls of /v1/organizer, made so that an answer that got lost does no harm."""

    def __init__(self, url: str, key: str, *, pause: Callable[[float], object] = time.sleep) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        self._pause = pause
        self._keys = jwt.PyJWKClient(f"{url}/.well-known/jwks.json", lifespan=600)

    def call(
        self, method: str, path: str, body: Any = None, *, once: str | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Calls /v1/organizer + path, and again where that may help, after the pause that the service asks for.

        A POST carries an Idempotency-Key, the same each time, so it is done once however often it arrives: name it
        with `once`, by an id of your own such as the order's, and that holds after a restart of yours, too. With a
        `version`, a PUT is done only while the inventory has it. Raises Refused;
        httpx.TransportError once there was no answer at all to the last try.
        """
        known = {} if version is None else {"If-Match": f'"{version}"'}
        headers = {"Idempotency-Key": once or str(uuid4())} if method == "POST" else known
        for tries in range(1, TRIES + 1):
            try:
                answer = self._http.request(method, f"/v1/organizer{path}", json=body, headers=headers)
            except httpx.TransportError:
                if tries == TRIES:
                    raise
                wait = 0.5 * 2**tries
            else:
                if answer.status_code not in LATER or tries == TRIES:
                    break
                wait = float(answer.headers.get("Retry-After", 1))
            self._pause(wait + random.uniform(0, 1))  # so that not all come back in the same moment
        if answer.headers["Content-Type"] == "application/problem+json":
            raise Refused(answer.json())
        answer.raise_for_status()
        return dict(answer.json())

    def user_token(self, user_id: str, email: str | None = None) -> str:
        """A token for the page of a fan who is signed in at the platform. It is good for an hour."""
        # The platform has verified the address when the fan signed up, and vouches for it.
        body = {"user_id": user_id, "email": email, "email_verified": email is not None}
        return str(self.call("POST", "/user-tokens", body)["token"])

    def check_pass(self, purchase_pass: str) -> dict[str, Any]:
        """What a purchase pass says: whose tickets are held, how many, for which list. It asks for the service's
        public keys at most every ten minutes. Raises jwt.InvalidTokenError where it is forged, or too old."""
        key = self._keys.get_signing_key_from_jwt(purchase_pass)
        return jwt.decode(
            purchase_pass,
            key,
            algorithms=["EdDSA"],
            audience="waiting-list/purchase",
            issuer="waiting-list",
            leeway=10,
        )


@dataclass
class Platform:
    """The platform: what it has to tell the service, and what it is told."""

    lists: WaitingLists

    def sync_catalogue(self, catalogue: dict[str, Any]) -> None:
        """Makes the service know all that can be sold. Safe to repeat: PUT makes or changes."""
        for kind in ("events", "representations", "offers", "inventory"):  # each refers to those before
            for name, fields in catalogue[kind].items():
                self.lists.call("PUT", f"/{kind}/{name}", fields)

    def correct_stock(self, where: str, count: Callable[[], dict[str, int]]) -> dict[str, Any]:
        """Makes the service's stock what the platform counts, and says for whom tickets are held now (`promoted`).

        A sale that is reported between the look and the PUT makes another round, and is never undone.
        """
        while True:
            known = self.lists.call("GET", f"/inventory/{where}")
            stock = count()  # after the look, so that it has every sale that the look has
            try:
                return self.lists.call("PUT", f"/inventory/{where}", stock, version=known["version"])
            except Refused as refused:
                if refused.code != "stale_version":
                    raise

    def report_sale(self, where: str, quantity: int, *, order: str) -> dict[str, Any]:
        """Tickets were sold to whoever came: fewer are available. The last one opens the list."""
        return self.lists.call("POST", f"/inventory/{where}/remove-stock", {"quantity": quantity}, once=order)

    def report_return(self, where: str, quantity: int, *, order: str) -> dict[str, Any]:
        """Tickets came back: the service holds them for the next in line, and says for whom (`promoted`)."""
        return self.lists.call("POST", f"/inventory/{where}/add-stock", {"quantity": quantity}, once=order)

    def checkout(self, user_id: str, purchase_pass: str, *, order: str) -> int:
        """A fan pays for the tickets that are held for them; how many they were.

        The signature shows at once whether it is worth going on. The sale itself is the second step: only the
        service knows whether the hold is still there, and takes it and the tickets in one.
        """
        held = self.lists.check_pass(purchase_pass)
        if held["sub"] != user_id:
            raise PermissionError("This is somebody else's turn.")
        body = {"purchase_pass": purchase_pass, "quantity": held["tickets"]}
        self.lists.call("POST", "/purchases", body, once=order)
        return int(held["tickets"])

    @contextmanager
    def webhook_events(self) -> Iterator["Queue[dict[str, Any]]"]:
        """What the service tells by webhook, each thing once, for as long as the block runs."""
        events: Queue[dict[str, Any]] = Queue()
        taken: set[str] = set()  # yours is a table with a unique key
        secrets: list[str] = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    event = Webhook(secrets[0]).verify(body, dict(self.headers.items()))
                except (WebhookVerificationError, ValueError):
                    self.send_error(401)
                    return
                if self.headers["webhook-id"] not in taken:
                    taken.add(self.headers["webhook-id"])
                    events.put(event)  # write it down, answer, work on it afterwards
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        created = self.lists.call("POST", "/webhooks", {"url": f"http://127.0.0.1:{server.server_port}/"})
        secrets.append(created["secret"])  # shown this once: keep it
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield events
        finally:
            self.lists.call("DELETE", f"/webhooks/{created['webhook_id']}")
            server.shutdown()
            server.server_close()


def solve(challenge: dict[str, Any]) -> dict[str, Any]:
    """The work that a list may ask of a fan before it takes a place: docs/bots.md."""
    token, numbers = challenge["token"], []
    for puzzle in range(challenge["puzzles"]):
        for number in itertools.count():
            digest = hashlib.sha256(f"{token}.{puzzle}.{number}".encode()).digest()
            if int.from_bytes(digest) >> (256 - challenge["bits"]) == 0:
                numbers.append(number)
                break
    return {"token": token, "solution": numbers}


def join(url: str, token: str, where: str, tickets: int) -> dict[str, Any]:
    """What a fan's page does: joins a list with the fan's token."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    path = f"{url}/v1/user/waiting-lists/{where}/entry"
    body: dict[str, Any] = {"tickets_wanted": tickets}
    answer = httpx.post(path, json=body, headers=headers)
    if answer.status_code == 403 and answer.json()["code"] == "challenge_required":
        body["challenge"] = solve(answer.json()["challenge"])
        answer = httpx.post(path, json=body, headers=headers)
    return dict(answer.raise_for_status().json())


def evening(platform: Platform) -> None:
    """Two tickets are sold out, two fans wait, one ticket comes back, and is sold again."""
    show = f"quay-{uuid4().hex[:8]}"
    lists, where = platform.lists, f"{show}-floor/{show}-1"
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=3)).isoformat()}
    platform.sync_catalogue(
        {
            "events": {show: {"title": "Jazz on the Quay", "timezone": "Europe/Paris"}},
            "representations": {f"{show}-1": {"event_id": show} | dates},
            "offers": {f"{show}-floor": {"event_id": show, "name": "Floor", "max_quantity_per_order": 4}},
            "inventory": {where: {"total_stock": 2, "available_stock": 2}},
        }
    )
    print("synced: 2 tickets for Jazz on the Quay")

    left = platform.report_sale(where, 2, order=f"{show}-order-1")["available_stock"]
    print(f"sold 2, {left} left: the list is open")

    with platform.webhook_events() as events:
        for fan in ("ada", "bo"):
            token = lists.user_token(fan, f"{fan}@example.org")
            print(f"{fan} joins, at position {join(lists.url, token, where, 1)['position']}")

        answer = platform.report_return(where, 1, order=f"{show}-refund-1")
        print(f"1 ticket came back, and is held for {answer['promoted'][0]['user_id']}")
        # The answer got lost, and the report is repeated: one ticket came back, not two.
        assert platform.report_return(where, 1, order=f"{show}-refund-1") == answer

        while (event := events.get(timeout=30))["type"] != "entry.ready":
            pass
        print(f"told by webhook: it is {event['data']['entry']['user_id']}'s turn")

    # Fans bring the pass to the checkout, from the widget, their page or the e-mail: it is part of their entry.
    shown = lists.call("GET", f"/waiting-lists/{where}/entries/ada")["purchase_pass"]
    try:
        platform.checkout("bo", shown, order=f"{show}-order-2")
    except PermissionError as refusal:
        print(f"bo shows ada's pass: {refusal}")
    paid = platform.checkout("ada", shown, order=f"{show}-order-3")
    print(f"ada pays for {paid}")
    try:
        platform.checkout("ada", shown, order=f"{show}-order-4")
    except Refused as refusal:
        print(f"ada shows the pass again: {refusal.code}")
    print(f"bo waits on, at position {lists.call('GET', f'/waiting-lists/{where}/entries/bo')['position']}")


if __name__ == "__main__":
    service = os.environ.get("WAITING_LIST_URL", "http://127.0.0.1:8000")
    if not (key := os.environ.get("WAITING_LIST_KEY")):
        sys.exit("Set WAITING_LIST_KEY to an API key: waiting-list create-key my-platform")
    try:
        evening(Platform(WaitingLists(service, key)))
    except Refused as refusal:
        sys.exit(f"The service refused a call. {refusal}")
    except httpx.TransportError as error:
        sys.exit(f"There is no answer from {service}: {error}")
