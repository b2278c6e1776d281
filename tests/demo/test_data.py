"""The data of the demo keeps apart from the data of a shop in the same database."""

from waiting_list.catalogue.changes import put_event
from waiting_list.catalogue.models import EventFields
from waiting_list.demo.data import load_demo
from waiting_list.demo.shop import ORGANIZATION
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

COLUMNS = (
    ("events", "event_id"),
    ("events", "organization_id"),
    ("representations", "representation_id"),
    ("offers", "offer_id"),
    ("api_keys", "organization_id"),
    ("api_keys", "name"),
)


async def test_every_id_of_the_demo_begins_with_a_name_that_no_shop_would_choose(pool: Pool) -> None:
    await load_demo(pool, Settings(), "http://x")
    for table, column in COLUMNS:
        ids = [row[0] for row in await pool.fetch(f"SELECT {column} FROM {table}")]
        assert ids, table
        assert [one for one in ids if one != ORGANIZATION and not one.startswith(f"{ORGANIZATION}-")] == [], table
    assert ORGANIZATION == "wl-demo"


async def test_an_event_of_a_visitor_does_not_keep_the_demo_from_loading(pool: Pool) -> None:
    await put_event(pool, ORGANIZATION, "gala", EventFields(title="Gala", timezone="UTC"))
    await load_demo(pool, Settings(), "http://x")
    assert await pool.fetchval("SELECT count(*) FROM events") == 12


async def test_a_demo_at_another_address_sells_in_its_own_shop(pool: Pool) -> None:
    async def links() -> set[str]:
        found = await pool.fetch("SELECT purchase_url FROM inventory WHERE purchase_url IS NOT NULL")
        return {row["purchase_url"] for row in found}

    asks = "/demo/checkout?pass={pass}&tickets={tickets}"
    await load_demo(pool, Settings(), "http://x")
    for url in ("http://127.0.0.1:8114", "http://127.0.0.1:8115"):
        await load_demo(pool, Settings(public_url=url, demo=True), url)
        assert await links() == {url + asks}
    own = "https://tickets.example/{pass}"
    await pool.execute("UPDATE inventory SET purchase_url = $1 WHERE purchase_url IS NOT NULL", own)
    await load_demo(pool, Settings(public_url="http://127.0.0.1:8116", demo=True), "http://x")
    assert await links() == {own}
