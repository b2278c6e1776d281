"""Define the organizer's calls about the gateway that sends their text messages."""

from fastapi import Response

from waiting_list import problems
from waiting_list.notifications import gateways, notices
from waiting_list.notifications.gateways import Gateway, GatewayFields, GatewayTest, SetGateway
from waiting_list.notifications.models import Notice
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "Notices")
GATEWAY = "/sms-gateway"


@router.get(
    GATEWAY,
    operation_id="get_gateway",
    response_model=Gateway,
    responses=declared([*AUTHENTICATED, problems.GatewayNotFound]),
)
async def get_gateway(call: ApiRequest) -> Response:
    """Show the gateway that sends the organization's text messages, without its secret."""
    found = await gateways.gateway(call.pool, call.organization_id)
    if found is None:
        raise problems.GatewayNotFound
    return answer(found)


@router.put(
    GATEWAY,
    operation_id="set_gateway",
    response_model=SetGateway,
    responses=declared(WITH_BODY),
)
async def set_gateway(call: ApiRequest, body: GatewayFields) -> Response:
    """Set the gateway that sends the organization's text messages. Only this answer shows its secret.

    From now on fans can give a phone number. The gateway keeps its secret until it is deleted.
    """
    secret = await call.service.signing_keys.derived_secret()
    return answer(await gateways.set_gateway(call.pool, call.service.settings, secret, call.organization_id, body))


@router.delete(
    GATEWAY,
    operation_id="delete_gateway",
    response_model=Gateway,
    responses=declared([*WITH_BODY, problems.GatewayNotFound]),
)
async def delete_gateway(call: ApiRequest) -> Response:
    """Delete the gateway: text messages stop. The next gateway has another secret."""
    return answer(await gateways.delete_gateway(call.pool, call.organization_id))


@router.post(
    GATEWAY + "/test",
    operation_id="test_gateway",
    openapi_extra=ONCE,
    status_code=201,
    response_model=Notice,
    responses=declared([*POSTED, problems.GatewayNotFound]),
)
async def test_gateway(call: ApiRequest, body: GatewayTest) -> Response:
    """Send a text message to a number of yours through the gateway, signed as all are. The notices show what the
    gateway answered. A number gets few, as it gets few codes."""
    caller = await call.caller_once()
    notice, replayed = await notices.send_test_text(
        call.pool,
        call.service.mail_limits,
        call.organization_id,
        body,
        address=call.address,
        idempotency=caller.idempotency,
    )
    call.engine.wake.set()
    return answer(notice, status=201, replayed=replayed)
