"""Define the organizer's calls about the gateway that sends their text messages."""

from fastapi import Response

from waiting_list import problems
from waiting_list.notifications import gateways
from waiting_list.notifications.gateways import Gateway, GatewayFields, SetGateway
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
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
