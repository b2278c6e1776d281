"""Who may see the names and addresses of fans, and the line in the log for each look."""

import structlog

from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.web.request import ApiRequest

log = structlog.get_logger(__name__)


def sees_people(call: ApiRequest) -> bool:
    """Return whether the organizer may see names and addresses."""
    return isinstance(call.who, Organizer) and call.who.may(Scope.ENTRIES)


def log_people(call: ApiRequest, people: int, *, shown_in: str) -> None:
    """Log that the caller has seen so many people: who looked and where, and no name or address."""
    if people:
        log.info("people_shown", actor=call.caller.actor, shown_in=shown_in, people=people)
