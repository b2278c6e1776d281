"""The table of problems, as the HTTP contract has it."""

import pytest

from waiting_list import problems
from waiting_list.problems import InvalidRequest, Problem, StockHeld, Unavailable

CONTRACT = {
    "invalid_request": 422, "unsupported_media_type": 415, "body_too_large": 413, "unauthenticated": 401,
    "forbidden": 403, "challenge_required": 403,
    "not_found": 404, "event_not_found": 404, "representation_not_found": 404,
    "ledger_not_public": 404, "tile_not_found": 404, "change_not_found": 404,
    "offer_not_found": 404, "inventory_not_found": 404, "api_key_not_found": 404, "webhook_not_found": 404,
    "notice_not_found": 404, "gateway_not_found": 404, "too_many_webhooks": 409, "not_in_list": 404,
    "method_not_allowed": 405, "waiting_list_open": 409, "transfer_not_allowed": 409,
    "waiting_list_not_open": 409, "waiting_list_ended": 409, "waiting_list_full": 409,
    "address_taken": 409, "too_many_places": 409,
    "already_in_list": 409, "already_left": 409, "not_ready": 409, "not_waiting": 409, "hold_expired": 409,
    "wish_not_found": 404, "wish_fulfilled": 409, "not_drawn": 409, "cannot_draw": 409,
    "exceeds_total_stock": 409, "not_enough_stock": 409, "stock_held": 409, "id_taken": 409, "would_end_list": 409,
    "email_required": 422, "too_many_messages": 429, "checkout_used": 409,
    "has_dependents": 409, "too_many_tickets": 422, "wrong_quantity": 422, "idempotency_key_reused": 422,
    "stale_version": 412,
    "request_timeout": 408, "rate_limited": 429, "internal_error": 500, "unavailable": 503,
}  # fmt: skip


def every(problem: type[Problem]) -> list[type[Problem]]:
    return [problem, *(below for child in problem.__subclasses__() for below in every(child))]


def test_every_problem_has_the_code_and_status_of_the_contract_and_a_title() -> None:
    raised = Problem.kinds()
    assert set(raised) == {*every(Problem)} - {Problem, problems.Conflict}
    assert {one.code: one.status for one in raised} == CONTRACT
    assert len({one.title for one in raised}) == len(raised)
    assert all(one.title and one.__doc__ for one in raised)


def test_a_problem_says_what_it_was_told_and_carries_it() -> None:
    problem = StockHeld("2 tickets are free.", free=2)
    assert (str(problem), problem.detail, problem.extra) == (
        "2 tickets are free.",
        "2 tickets are free.",
        {"free": 2},
    )
    assert problem.headers == {}
    assert StockHeld("x", headers={"A": "b"}).headers == {"A": "b"}


def test_a_malformed_field_is_named() -> None:
    problem = InvalidRequest.of("body.quantity", "must be at least 1")
    assert problem.detail == "body.quantity: must be at least 1"
    assert problem.extra == {"errors": [{"field": "body.quantity", "message": "must be at least 1"}]}


def test_what_is_unavailable_says_when_to_come_back() -> None:
    assert Unavailable().headers == {"Retry-After": "1"}
    assert str(Unavailable()) == "The service cannot answer right now. Try again in a moment."
    assert str(Unavailable("Too many.")) == "Too many."


@pytest.mark.parametrize("one", every(Problem))
def test_an_example_carries_what_the_problem_does(one: type[Problem]) -> None:
    assert not one.example.keys() & {"type", "title", "status", "detail", "instance", "code"}
