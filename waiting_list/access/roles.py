"""Define the roles of members, and the scopes that each role has on the dashboard."""

from collections.abc import Mapping
from enum import StrEnum

from waiting_list.access.scopes import Scope


class Role(StrEnum):
    """What a member of an organization is there for."""

    OWNER = "owner"
    """Does everything. Alone manages members, API keys, webhooks and the organization, and erases people."""
    MANAGER = "manager"
    """Runs events: dates, stock, lists, fans, messages and the words of e-mails."""
    BOX_OFFICE = "box_office"
    """Serves fans: finds, moves, sells to and removes them. Leaves stock and events as they are."""
    VIEWER = "viewer"
    """Sees everything, and changes nothing."""


SCOPES: Mapping[Role, tuple[Scope, ...]] = {
    Role.OWNER: (Scope.ADMIN,),
    Role.MANAGER: (Scope.READ, Scope.STOCK, Scope.ENTRIES),
    Role.BOX_OFFICE: (Scope.READ, Scope.ENTRIES),
    Role.VIEWER: (Scope.READ,),
}
"""The scopes of each role. They mean what they mean for an API key."""
