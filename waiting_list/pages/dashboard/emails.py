"""The dashboard page of e-mails: the events, each with the organizer's own words."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.page import PageRequest

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.EMAILS)
async def show_emails(call: PageRequest) -> Response:
    """List the events, whose e-mails can have the organizer's own words."""
    events = await catalogue_queries.events(call.pool, call.organization_id, event_id=None, limit=500, cursor=None)
    return dashboard_page(
        call, "dashboard_emails.html", events=events.items, mails=call.service.settings.sends_mail
    )
