"""Define the organizer's calls about their own organization."""

from fastapi import Response

from waiting_list.notifications import organizations
from waiting_list.notifications.organizations import Organization, OrganizationChange
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "Organization")


@router.get(
    "/organization",
    operation_id="get_organization",
    response_model=Organization,
    responses=declared(AUTHENTICATED),
)
async def get_organization(call: ApiRequest) -> Response:
    """Show how the organization's e-mails and the pages of its fans present it."""
    found = await organizations.organization(call.pool, call.organization_id)
    return answer(found.at(call.service.settings.public_url))


@router.patch(
    "/organization",
    operation_id="change_organization",
    response_model=Organization,
    responses=declared(WITH_BODY),
)
async def change_organization(call: ApiRequest, body: OrganizationChange) -> Response:
    """Change how the organization's e-mails and the pages of its fans present it.

    It holds for every e-mail that is sent from now on. Omitted fields keep their values.
    """
    kept = call.service.settings.personal_data_kept
    changed = await organizations.change(call.pool, call.organization_id, body, longest_kept=kept)
    return answer(changed.at(call.service.settings.public_url))
