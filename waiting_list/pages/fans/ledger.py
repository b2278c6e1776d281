"""The public page of a list's ledger: how the list was served, for people, and where to check it."""

from itertools import accumulate

from fastapi import APIRouter, Response

from waiting_list.i18n import shown_day, spoken_of
from waiting_list.ledger import queries
from waiting_list.ledger.served import served
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.models import Period
from waiting_list.lists.queries.statistics import read_days
from waiting_list.page_addresses import LEDGER, PUBLIC_LIST, of_list
from waiting_list.pages.charts import chart
from waiting_list.pages.fans.page import FanRoute, shared
from waiting_list.pages.page import PageRequest, page
from waiting_list.problems import NotFound
from waiting_list.web.parameters import path_key

_CHANGES = 20
"""How many turns, and how many acts of organizers, the page shows."""
_DAYS = 60
"""How many days the table has."""

router = APIRouter(route_class=FanRoute, include_in_schema=False)


@router.get(LEDGER)
async def show_ledger(call: PageRequest) -> Response:
    """Show how a list was served. Raises InventoryNotFound, and NotFound if its ledger is not public."""
    key = path_key(call)
    show, rules, stock = await list_queries.shown_list_with_stock(call.pool, key)
    if not rules.public_ledger:
        raise NotFound("This page does not exist.")
    head = await queries.head(call.pool, call.service.checkpoints, key)
    days = await read_days(call.pool, key)
    locale = call.locale(languages=spoken_of(show.look.languages))
    labels = [shown_day(one.period_at, show.timezone, locale=locale) for one in days]
    joined, turns = ([*accumulate(getattr(one, name) for one in days)] for name in ("joins", "promotions"))
    bought = sum(one.tickets_bought for one in days)
    return page(
        call,
        "ledger.html",
        headers=shared(call),
        locale=locale,
        show=show,
        look=show.look,
        rules=rules,
        stock=stock,
        timezone=show.timezone,
        sums=_sums(days),
        bought=bought,
        elsewhere=stock.total_stock - stock.available_stock - bought,
        days=[*zip(labels, days, strict=True)][-_DAYS:],
        drawn=chart(labels, joined, turns),
        served=await served(call.pool, key, most=_CHANGES),
        size=head.size,
        key_id=queries.key_id(head),
        url=call.service.settings.public_url + of_list(PUBLIC_LIST, key),
    )


def _sums(days: list[Period]) -> dict[str, int]:
    names = ("joins", "promotions", "purchases", "departures", "expiries")
    return {name: sum(getattr(one, name) for one in days) for name in names}
