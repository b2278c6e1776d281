"""No page of the dashboard without an answer to who may use it."""

from tests.pages.test_roles import test_every_route_and_every_action_of_the_dashboard_has_a_row

__all__ = ["test_every_route_and_every_action_of_the_dashboard_has_a_row"]
