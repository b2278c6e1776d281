"""Define the public calls that ask to be told when a list takes fans, and take that back."""

from uuid import UUID

from fastapi import APIRouter, Response

from waiting_list import problems
from waiting_list.api.user.lists import LIST
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import owner
from waiting_list.notifications import alerts
from waiting_list.notifications.alerts import Asked, Asking
from waiting_list.web.openapi import COMMON, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import PublicRoute

router = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["Public lists"])
ALERTS = LIST + "/alerts"
_BODY = (problems.UnsupportedMediaType, problems.BodyTooLarge, problems.RequestTimeout)


@router.post(
    ALERTS,
    operation_id="ask_for_alert",
    openapi_extra=ONCE,
    status_code=202,
    response_model=Asked,
    responses=declared(
        [
            *COMMON,
            *_BODY,
            problems.IdempotencyKeyReused,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.WaitingListNotOpen,
            problems.WaitingListOpen,
        ]
    ),
)
async def ask_for_alert(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Asking) -> Response:
    """Ask for one e-mail when the list takes fans.

    The list is not open yet, closed or full. After the e-mail the service forgets the address. The answer is the
    same whether or not the address was known. A mailbox that unsubscribed from the organization gets no e-mail. A
    list whose event is a draft refuses with `waiting_list_not_open`.
    """
    service = call.service
    call.allow(await service.limits.alert_from(call.address))
    asked, replayed = await alerts.ask(
        service.engine,
        service.mail_limits,
        await service.signing_keys.derived_secret(),
        ListKey(offer_id, representation_id),
        body,
        address=call.address,
        request_key=call.idempotency_key(),
    )
    return answer(asked, status=202, replayed=replayed)


@router.delete(
    ALERTS + "/{alert_id}",
    operation_id="take_alert_back",
    response_model=Asked,
    responses=declared([*COMMON, *_BODY, problems.NotFound, problems.InventoryNotFound]),
)
async def take_alert_back(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, alert_id: PathId
) -> Response:
    """Take an alert back: no e-mail comes, and the service forgets the address. Safe to repeat."""
    try:
        known = UUID(alert_id)
    except ValueError as error:
        raise problems.NotFound("There is no such alert.") from error
    key = ListKey(offer_id, representation_id)
    await owner(call.pool, key)  # raises InventoryNotFound
    await alerts.take_back(call.pool, key, known)
    return answer(Asked(alert_id=str(known)))
