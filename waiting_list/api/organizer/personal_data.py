"""Define the organizer's calls that export and erase the data of a person."""

from fastapi import Response

from waiting_list.personal_data import export_and_erase
from waiting_list.personal_data.models import Erasure, UserExport
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "Personal data")


@router.get(
    "/users/{user_id}/export",
    operation_id="export_user",
    response_model=UserExport,
    responses=declared(AUTHENTICATED),
)
async def export_user(call: ApiRequest, user_id: PathId) -> Response:
    """Export all data about a person: entries, contact details, history and notices."""
    keys = call.service.signing_keys
    return answer(
        await export_and_erase.export_user(call.pool, keys, user_id, organization_id=call.organization_id)
    )


@router.delete("/users/{user_id}", operation_id="erase", response_model=Erasure, responses=declared(WITH_BODY))
async def erase(call: ApiRequest, user_id: PathId) -> Response:
    """Erase a person. The person leaves every list, and the history keeps only numbers. The call is safe to
    repeat."""
    keys, sign_outs = call.service.signing_keys, call.service.sign_outs
    return answer(await export_and_erase.erase_user(call.pool, call.engine, keys, sign_outs, call.caller, user_id))
