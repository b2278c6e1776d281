"""Play the main story with the client that openapi-python-client made. It prints what it saw, as JSON."""

import json
import os
from datetime import datetime

from waiting_list_service_client import AuthenticatedClient, Client
from waiting_list_service_client.api.catalogue import put_event, put_inventory, put_offer, put_representation
from waiting_list_service_client.api.entries import buy, list_entries
from waiting_list_service_client.api.my_entries import get_entry, join, join_by_email, make_wish, withdraw_wish
from waiting_list_service_client.api.stock import add_stock
from waiting_list_service_client.api.user_tokens import create_user_token
from waiting_list_service_client.models import (
    ChangedEntry,
    ChangedInventory,
    Entry,
    Event,
    EventFields,
    FanEntry,
    InventoryFields,
    Joining,
    JoiningByEmail,
    LeftReason,
    LinkByEmail,
    Offer,
    OfferFields,
    OrganizersEntryPage,
    PlaceByEmail,
    ProblemCode,
    ProblemDocument,
    Purchase,
    Representation,
    RepresentationChange,
    Status,
    StockChange,
    TokenRequest,
    UserToken,
    WantedList,
    Wish,
    Wishing,
)

ADDRESS = os.environ["ADDRESS"]
PAIR = ("py-off", "py-rep")
organizer = AuthenticatedClient(base_url=ADDRESS, token=os.environ["API_KEY"], raise_on_unexpected_status=True)


def fan(user_id: str) -> AuthenticatedClient:
    made = create_user_token.sync(client=organizer, body=TokenRequest(user_id=user_id))
    assert isinstance(made, UserToken), made
    return AuthenticatedClient(base_url=ADDRESS, token=made.token, raise_on_unexpected_status=True)


event = put_event.sync("py-ev", client=organizer, body=EventFields(title="Jazz", timezone="Europe/Paris"))
assert isinstance(event, Event), event
date = put_representation.sync(
    "py-rep",
    client=organizer,
    body=RepresentationChange(
        event_id=event.event_id,
        start_datetime=datetime.fromisoformat("2030-01-31T20:00:00+01:00"),
        end_datetime=datetime.fromisoformat("2030-01-31T23:00:00+01:00"),
    ),
)
assert isinstance(date, Representation), date
offer = put_offer.sync(
    "py-off",
    client=organizer,
    body=OfferFields(event_id=event.event_id, name="Floor", max_quantity_per_order=4),
)
assert isinstance(offer, Offer), offer
sold_out = put_inventory.sync(*PAIR, client=organizer, body=InventoryFields(total_stock=10, available_stock=0))
assert isinstance(sold_out, ChangedInventory), sold_out
assert sold_out.waiting_list_open

ada = fan("ada")
joined = join.sync(*PAIR, client=ada, body=Joining(tickets_wanted=2), idempotency_key="one")
assert isinstance(joined, Entry), joined
again = join.sync_detailed(*PAIR, client=ada, body=Joining(tickets_wanted=2), idempotency_key="one")
assert again.headers["Idempotent-Replayed"] == "true"
refused = join.sync(*PAIR, client=ada, body=Joining(tickets_wanted=2))
assert isinstance(refused, ProblemDocument), refused
assert refused.code is ProblemCode.ALREADY_IN_LIST
assert isinstance(refused.entry, Entry)

stock = add_stock.sync(*PAIR, client=organizer, body=StockChange(quantity=2))
assert isinstance(stock, ChangedInventory), stock
assert [entry.user_id for entry in stock.promoted] == ["ada"]
ready = get_entry.sync(*PAIR, client=ada)
assert isinstance(ready, FanEntry), ready
assert ready.status is Status.READY
assert isinstance(ready.ready_until, datetime)
bought = buy.sync(*PAIR, "ada", client=organizer, body=Purchase())
assert isinstance(bought, ChangedEntry), bought
assert bought.left_reason is LeftReason.BOUGHT
found = list_entries.sync(
    client=organizer, offer_id=["py-off"], status=[Status.LEFT], left_reason=[LeftReason.BOUGHT]
)
assert isinstance(found, OrganizersEntryPage), found

# A fan without an account: the place at once, its token opens it, and a second browser gets a letter.
anybody = Client(base_url=ADDRESS, raise_on_unexpected_status=True)
wish = JoiningByEmail(email="cleo@mail.example", tickets_wanted=1)
place = join_by_email.sync(*PAIR, client=anybody, body=wish, idempotency_key="two")
assert isinstance(place, PlaceByEmail), place
cleo = AuthenticatedClient(base_url=ADDRESS, token=place.token, raise_on_unexpected_status=True)
own = get_entry.sync(*PAIR, client=cleo)
assert isinstance(own, FanEntry), own
letter = join_by_email.sync(*PAIR, client=anybody, body=wish)
assert isinstance(letter, LinkByEmail), letter

# Either evening will do: a place in each list.
LATER = ("py-off", "py-rep-2")
other_date = put_representation.sync(
    "py-rep-2",
    client=organizer,
    body=RepresentationChange(
        event_id=event.event_id,
        start_datetime=datetime.fromisoformat("2030-02-01T20:00:00+01:00"),
        end_datetime=datetime.fromisoformat("2030-02-01T23:00:00+01:00"),
    ),
)
assert isinstance(other_date, Representation), other_date
also = put_inventory.sync(*LATER, client=organizer, body=InventoryFields(total_stock=10, available_stock=0))
assert isinstance(also, ChangedInventory), also
bob = fan("bob")
evenings = [WantedList(offer_id=one, representation_id=date_id) for one, date_id in (PAIR, LATER)]
made = make_wish.sync(client=bob, body=Wishing(lists=evenings, tickets_wanted=1), idempotency_key="three")
assert isinstance(made, Wish), made
places = [one.entry.position for one in made.lists if isinstance(one.entry, Entry)]
withdrawn = withdraw_wish.sync(str(made.wish_id), client=bob)
assert isinstance(withdrawn, Wish), withdrawn

print(
    json.dumps(
        {
            "joined": [joined.status.value, joined.position],
            "refused": [refused.code.value, refused.entry.number],
            "ready": ready.tickets_held,
            "bought": [bought.status.value, bought.left_reason.value],
            "found": [entry.user_id for entry in found.items],
            "by_email": [own.number, place.mailed, letter.mailed],
            "wish": [made.state.value, places, withdrawn.state.value],
        }
    )
)
