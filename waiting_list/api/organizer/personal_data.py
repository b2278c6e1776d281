"""The organizer's calls about a person: export, erasure, and signing out everywhere."""

from fastapi import Response

from waiting_list.access.sign_outs import SignedOut
from waiting_list.api.organizer.user_tokens import tokens
from waiting_list.personal_data import export_and_erase
from waiting_list.personal_data.models import Erasure, UserExport
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import AdminRoute, organizer_calls

router = organizer_calls(AdminRoute)


@tokens.post(
    "/users/{user_id}/sign-out",
    operation_id="sign_out_user",
    openapi_extra=ONCE,
    response_model=SignedOut,
    responses=declared(POSTED),
)
async def sign_out_user(call: ApiRequest, user_id: PathId) -> Response:
    """End all current tokens of a user, on all devices, within two seconds.

    Later tokens, purchase passes and private links stay valid.
    """
    caller = await call.caller_once()
    done, replayed = await call.service.sign_outs.sign_out(
        call.organization_id, user_id, idempotency=caller.idempotency
    )
    return answer(done, replayed=replayed)


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
