"""Load the data of the demo: a catalogue, and a few dozen fans in every state, made by the real engine."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from typing import Any
from uuid import UUID, uuid4

from waiting_list import pictures
from waiting_list.access import members
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.member_links import INVITATION
from waiting_list.access.member_links import make_link as make_member_link
from waiting_list.access.private_links import make_link
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import User, UserTokens
from waiting_list.catalogue import csv_import
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.image_store import ImageStore
from waiting_list.catalogue.images import Images
from waiting_list.catalogue.shift import shifted
from waiting_list.demo.shop import ORGANIZATION
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import SERVICE, Caller, Engine, Verb
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.lists import list_settings
from waiting_list.lists.queries.wishes import make_wish
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.wishes import Choice
from waiting_list.notifications import organizations
from waiting_list.page_addresses import CHECKOUT, DASHBOARD_SIGN_IN_LINK, SHOP, address
from waiting_list.postgres.pool import Pool
from waiting_list.problems import NotInList
from waiting_list.settings import Settings

FAN = "you"
"""The fan whose token the examples use."""
_STRICT = ListKey("wl-demo-jazz-floor", "wl-demo-jazz-fri")
_NEXT_DAY = ListKey("wl-demo-jazz-floor", "wl-demo-jazz-sat")
_SKIPPING = ListKey("wl-demo-opera-stalls", "wl-demo-opera-1")
_MANUAL = ListKey("wl-demo-metal-pit", "wl-demo-metal-1")
_REQUEUEING = ListKey("wl-demo-fado-seat", "wl-demo-fado-1")
_ENDED = ListKey("wl-demo-comedy-seat", "wl-demo-comedy-2")
_CROWDED = ListKey("wl-demo-indie-floor", "wl-demo-indie-1")
_NO_SHOP = "https://shop.example/checkout"
"""Without the demo shop, an example address shows the format."""
_FILLED_IN = "?pass={pass}&tickets={tickets}"
_FANS = Caller(ORGANIZATION, "user")
_STAFF = Caller(ORGANIZATION, "organizer:demo")
_OWNER = members.Invited(email="demo@example.org", name="Demo owner", role=Role.OWNER)
_HOUSE = organizations.OrganizationChange(
    sender_name="Demo Box Office",
    contact=_OWNER.email,
    accent="#a4214a",
    footer={
        "en": "This is a demo. Its shows are made up.",
        "fr": "Ceci est une démo. Ses spectacles sont inventés.",
    },
)
_PICTURES = {"wl-demo-jazz": "jazz.webp", "wl-demo-indie": "lanterns.webp", "wl-demo-opera": "opera.webp"}
"""The image of each event: drawn for the demo, in the folder `pictures`."""
_SAME_KEY = Idempotency.of(caller="demo", key="demo", request="demo")


async def load_demo(pool: Pool, settings: Settings, url: str) -> str:
    """Load the demo unless it is loaded, and return examples to try: a key, and five curl lines that work.

    The dates of the catalogue lie after the day of loading. Raises Unavailable.
    """
    engine = Engine(pool, settings)
    known = await catalogue_queries.events(pool, ORGANIZATION, event_id=["wl-demo-jazz"], limit=1, cursor=None)
    if not known.items:
        with as_file(files("waiting_list.demo") / "catalogue") as folder:
            found = shifted(csv_import.read(folder), datetime.now(UTC).date())
        began = datetime.now(UTC) - timedelta(hours=28)
        await csv_import.load(pool, found, now=began)
        await organizations.change(pool, ORGANIZATION, _HOUSE)
        await _dress(Images(pool, ImageStore.of(settings)))
        checkout = settings.public_url + CHECKOUT if settings.demo else _NO_SHOP
        await _Play(pool, engine, began, checkout + _FILLED_IN).all()
    elif settings.demo:
        await _lead_to_shop(pool, engine, settings.public_url + CHECKOUT + _FILLED_IN)
    # The same key all day, because it is derived and not stored.
    key, _ = await create_api_key(
        pool, ORGANIZATION, name=ORGANIZATION, scopes=[Scope.ADMIN], idempotency=_SAME_KEY
    )
    signing_keys = SigningKeys(pool)
    dashboard = settings.public_url + await _dashboard_link(pool, await signing_keys.derived_secret())
    user_tokens = UserTokens(signing_keys, SignOuts(pool, settings))
    token, expires_at = await user_tokens.mint(User(FAN, ORGANIZATION), expires_in=86_400)
    page = "(erased)"
    with suppress(NotInList):
        ready = await CoalescedReads(pool, settings).entry(_STRICT, "ines", organization_id=ORGANIZATION)
        page = settings.public_url + await make_link(
            pool, await signing_keys.derived_secret(), _STRICT, ready.number
        )
    shop = f"\nA shop with the widget on its page, from joining to paying: {url}{SHOP}" if settings.demo else ""
    return f"""
The demo is loaded. Demo organizer key: {key.key}
The dashboard, signed in without the key (the link works once): {dashboard}
The private page of a fan who can buy now: {page}{shop}
Five lines to try (the fan's token in the third is valid until {expires_at:%Y-%m-%d %H:%M} UTC):

curl -sSw '\\n' '{url}/v1/user/events?limit=2'
curl -sSw '\\n' '{url}/v1/user/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri'
curl -sSw '\\n' -X POST -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{"tickets_wanted": 2}}' '{url}/v1/user/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri/entry'
curl -sSw '\\n' -X POST -H 'Authorization: Bearer {key.key}' -H 'Content-Type: application/json' -d '{{"quantity": 3}}' '{url}/v1/organizer/inventory/wl-demo-jazz-floor/wl-demo-jazz-fri/add-stock'
curl -sSw '\\n' -H 'Authorization: Bearer {key.key}' '{url}/v1/organizer/entries?offer_id=wl-demo-jazz-floor&status=ready&status=waiting'
"""  # noqa: E501 - readers copy each line as a whole


async def _dress(images: Images) -> None:
    """Give the organization its logo, and some events their images."""
    folder = files("waiting_list.demo") / "pictures"
    logo = await pictures.logo((folder / "logo.png").read_bytes())
    await images.set_logo(ORGANIZATION, await images.keep(ORGANIZATION, logo))
    for event_id, name in _PICTURES.items():
        image = await pictures.event_image((folder / name).read_bytes())
        await images.set_event_image(ORGANIZATION, event_id, await images.keep(ORGANIZATION, image))


async def _dashboard_link(pool: Pool, secret: bytes) -> str:
    """Return where a newcomer signs in as the owner of the demo's organization, once."""
    known = {one.email: one for one in await members.members(pool, ORGANIZATION)}
    owner = known.get(_OWNER.email) or await members.add_member(pool, ORGANIZATION, _OWNER)
    token = await make_member_link(pool, secret, owner, lifetime=INVITATION)
    return address(DASHBOARD_SIGN_IN_LINK, token=token)


async def _lead_to_shop(pool: Pool, engine: Engine, purchase_url: str) -> None:
    """Let fans buy in this shop, if the demo was loaded at another address or without a shop.

    Keeps a `purchase_url` that an organizer has set.
    """
    for key in (_STRICT, _NEXT_DAY, _SKIPPING, _MANUAL, _REQUEUEING, _ENDED, _CROWDED):
        known = (await list_settings(pool, key, organization_id=ORGANIZATION)).purchase_url or ""
        if known != purchase_url and known.endswith((CHECKOUT + _FILLED_IN, _NO_SHOP + _FILLED_IN)):
            await engine.run(key, _STAFF, verbs.configure, settings=SettingsChange(purchase_url=purchase_url))


class _Play:
    """Play a day of fans and staff, up to an hour ago.

    Each step is a minute later, so that the history is in order.
    """

    def __init__(self, pool: Pool, engine: Engine, now: datetime, purchase_url: str) -> None:
        self._pool = pool
        self._engine = engine
        self._purchase_url = purchase_url
        self._began = self._now = now

    async def all(self) -> None:
        await self._strict_list()
        await self._skipping_list()
        await self._manual_list()
        await self._requeueing_list()
        await self._list_that_ended()
        await self._crowd()

    async def _strict_list(self) -> None:
        """Show all states: ready, waiting, bought, cancelled, expired, removed; a partial acceptance; a move; and
        a wish: the fan who can buy now waits for the next day, too."""
        key = _STRICT
        wish_id = await self._wish("ines", [_STRICT, _NEXT_DAY])
        for one in (_STRICT, _NEXT_DAY):
            await self._set(one)
        for name, wanted, minimum in (
            ("amelie", 2, 2),
            ("bastien", 1, 1),
            ("chloe", 4, 4),
            ("david", 2, 2),
            ("emma", 4, 2),
            ("farid", 1, 1),
            ("gaelle", 3, 3),
            ("hugo", 2, 2),
            ("ines", 1, 1),
            ("jules", 4, 1),
        ):
            await self._join(key, name, wanted, minimum, wish_id=wish_id if name == "ines" else None)
        await self._join(_NEXT_DAY, "ines", 1, wish_id=wish_id)
        await self._join(_NEXT_DAY, "mireille", 1)
        await self._do(key, _STAFF, verbs.add_stock, quantity=3)  # amelie and bastien are ready
        await self._do(key, _STAFF, verbs.buy, user_id="amelie")
        await self._do(key, _FANS, verbs.leave, user_id="farid")
        await self._do(key, _STAFF, verbs.remove, user_id="gaelle")
        self._now += timedelta(hours=25)
        await self._do(key, SERVICE, verbs.expire)  # bastien's hold; chloe wants more than the one ticket
        await self._do(key, _STAFF, verbs.move, user_id="ines", to="first")  # ines takes it
        await self._do(key, _STAFF, verbs.add_stock, quantity=8)  # emma takes 2 of the 4 she wants
        # ines stands first the next day as well; while tickets are held for her here, mireille is served there.
        await self._do(_NEXT_DAY, _STAFF, verbs.add_stock, quantity=1)

    async def _skipping_list(self) -> None:
        """Let a group of six wait, while fans behind it who want fewer are served within the limit."""
        key = _SKIPPING
        await self._set(
            key,
            policy="skip",
            skip_limit=3,
            hold_minutes=2880,
            hold_steps=[{"days_before": 3, "hold_minutes": 120}, {"days_before": 0, "hold_minutes": 30}],
            quiet_from="22:00",
            quiet_until="08:00",
        )
        await self._join(key, "choir-of-lyon", 6)
        for name in ("karim", "lea", "marco", "nadia", "oscar"):
            await self._join(key, name, 1)
        await self._do(key, _STAFF, verbs.add_stock, quantity=4)  # three are served, then it waits

    async def _manual_list(self) -> None:
        """Let the organizer release tickets by hand."""
        key = _MANUAL
        await self._set(key, automatic=False)
        for name in ("petra", "quentin", "ragnar", "svenja"):
            await self._join(key, name, 2)
        await self._do(key, _STAFF, verbs.add_stock, quantity=10)
        await self._do(key, _STAFF, verbs.promote, tickets=2)

    async def _requeueing_list(self) -> None:
        """Let a hold expire, so that its fan waits again, last."""
        key = _REQUEUEING
        await self._set(key, after_expiry="requeue", hold_minutes=30)
        for name in ("tiago", "ursula", "vera"):
            await self._join(key, name, 2)
        await self._do(key, _STAFF, verbs.add_stock, quantity=2)
        self._now += timedelta(minutes=31)
        await self._do(key, SERVICE, verbs.expire)
        await self._set(key, hold_minutes=7 * 24 * 60)

    async def _list_that_ended(self) -> None:
        """Let the organizer end a list, so that its waiting fans leave."""
        key = _ENDED
        for name in ("wanda", "xavier"):
            await self._join(key, name, 2)
        await self._set(key, closes_at=self._now + timedelta(minutes=2))
        self._now += timedelta(minutes=2)
        await self._do(key, SERVICE, verbs.end)

    async def _crowd(self) -> None:
        """Let two dozen fans wait and tickets come back now and then, enough for an estimate of the wait."""
        key, self._now = _CROWDED, self._began
        await self._set(key, hold_minutes=7 * 24 * 60)
        for number in range(1, 25):
            await self._join(key, f"fan-{number:02}", 1 + number % 4)
        for hours in (1, 3, 4, 2, 5, 1, 3):
            self._now += timedelta(hours=hours)
            await self._do(key, _STAFF, verbs.add_stock, quantity=2 + hours % 2)

    async def _wish(self, user_id: str, lists: list[ListKey]) -> UUID:
        wish_id, choice = uuid4(), Choice.WITHDRAW_WHEN_BOUGHT
        await make_wish(
            self._pool, wish_id, organization_id=ORGANIZATION, user_id=user_id, choice=choice, lists=lists
        )
        return wish_id

    async def _join(
        self, key: ListKey, user_id: str, wanted: int, minimum: int | None = None, wish_id: UUID | None = None
    ) -> None:
        contact = Contact(
            email=f"{user_id}@fans.example",
            email_verified=True,
            name=user_id.replace("-", " ").title(),
            locale="fr" if key in (_STRICT, _NEXT_DAY) else "en",
        )
        await self._do(
            key,
            _FANS,
            verbs.join,
            user_id=user_id,
            tickets_wanted=wanted,
            tickets_minimum=minimum,
            contact=contact,
            wish_id=wish_id,
        )

    async def _set(self, key: ListKey, **settings: Any) -> None:
        await self._do(
            key,
            _STAFF,
            verbs.configure,
            settings=SettingsChange(**{"purchase_url": self._purchase_url} | settings),
        )

    async def _do(self, key: ListKey, caller: Caller, verb: Verb, **arguments: Any) -> None:
        self._now += timedelta(minutes=1)
        await self._engine.at(self._now).run(key, caller, verb, **arguments)
