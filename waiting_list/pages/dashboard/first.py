"""The page that sets up the first organization and its owner, while there is neither an API key nor a member."""

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list.access import first_run
from waiting_list.access.members import Invited
from waiting_list.access.roles import Role
from waiting_list.notifications.organizations import OrganizationChange
from waiting_list.page_addresses import DASHBOARD_FIRST, DASHBOARD_SIGN_IN, NEW_EVENT
from waiting_list.pages.browsers import browser_name
from waiting_list.pages.dashboard.sign_in import sign_in_as
from waiting_list.pages.forms import check_same_origin, read_form
from waiting_list.pages.page import PageRequest, PageRoute, go_to, page
from waiting_list.problems import InvalidRequest

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(DASHBOARD_FIRST)
async def ask_for_first(call: PageRequest) -> Response:
    """Ask for the code, the organization and its owner. Redirect to the sign-in page once anybody can sign in."""
    if await call.service.authenticator.has_organizer():
        return go_to(DASHBOARD_SIGN_IN)
    return page(call, "dashboard_first.html", form={}, errors={})


@router.post(DASHBOARD_FIRST)
async def set_up_first(call: PageRequest) -> Response:
    """Set up the organization and its owner, sign the owner in, and go on to the first event."""
    check_same_origin(call)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    errors: dict[str, str] = {}
    name = form.get("organization", "").strip()
    try:
        if not OrganizationChange(sender_name=name).sender_name:
            errors["organization"] = ""
    except ValidationError:
        errors["organization"] = ""
    try:
        owner = Invited.of(email=form.get("email", ""), name=form.get("name", ""), role=Role.OWNER)
    except InvalidRequest as problem:
        errors |= {one["field"]: "" for one in problem.extra["errors"]}
    secret = await call.service.signing_keys.derived_secret()
    if not first_run.is_first_code(secret, form.get("code", "")):
        errors["code"] = ""
    if errors:
        return page(call, "dashboard_first.html", status=422, form=form, errors=errors)
    browser = browser_name(call.headers.get("user-agent"))
    session = await first_run.set_up_first(call.pool, organization_name=name, owner=owner, browser=browser)
    return sign_in_as(call, session, NEW_EVENT) if session else go_to(DASHBOARD_SIGN_IN)
