"""Schemathesis on the OpenAPI document: every answer to valid or invalid requests is declared.

It sends over real HTTP to the application on a real database. HYPOTHESIS_PROFILE=nightly sends ten times as much.
"""

import asyncio
import os
from collections import Counter

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.support.shop import NOTICE, WEBHOOK, Shop, add_webhook, listening

EXAMPLES = 60 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 6
"""For each operation and mode."""
KNOWN = {
    "event_id": "ev_1",
    "offer_id": "off_1",
    "representation_id": "rep_1",
    "user_id": "ada",
    "webhook_id": WEBHOOK,
    "notice_id": NOTICE,
}
"""What the lawful requests are about: with ids of chance they would only ever find nothing."""
UNSAID = [
    "valid integer",  # to JSON Schema 2.0 is an integer
    "cursor",
    "has a contrast of",
    "must be an e-mail address",
    "is not a valid purchase pass",
    "at least one",
    "give ",
    "timezone",
    "between the years",
    "between 1 and tickets_wanted",
    "must be after",
    "must have the same languages",
    "must not be",
    "must be an address",
    "must be an e-mail address",
    "is not a valid purchase pass",
    "https",
    "quiet hours need both",
    "must be the undo value",
    "must be a name, without an address",
    "must be plain text",
    "must not be blank",
    "must have braces only",
    "must name each kind and language once",
    "does not belong to a removal",
]
"""Why lawful data may still be malformed."""
SOLUTION = "body.challenge."


def is_sound(case: Case, answer: httpx.Response) -> bool:
    """Whether lawful data was accepted, or refused for what no JSON schema can say."""
    if answer.status_code != 422 or answer.json()["code"] != "invalid_request":
        return True
    errors = answer.json()["errors"]
    excused = {one["field"] for one in errors if any(reason in one["message"] for reason in UNSAID)}
    # A solution has one of two shapes, and is refused as both.
    if any(field.startswith(SOLUTION) for field in excused):
        errors = [one for one in errors if not one["field"].startswith(SOLUTION)]
    return all(one["field"] in excused for one in errors)


@pytest.mark.parametrize("mode", GenerationMode)
async def test_whatever_is_sent_the_answer_is_declared(app: FastAPI, shop: Shop, mode: GenerationMode) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.join("bob")
    await shop.made("POST", "/inventory/off_1/rep_1/add-stock", {"quantity": 2})
    await add_webhook(app.state.service.pool)
    tokens = {"user": await shop.token("ada"), "organizer": shop.key}
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")  # a text may be over 64 KiB
    sent: Counter[int] = Counter()

    def send(operation: APIOperation, url: str) -> None:
        known = KNOWN if mode is GenerationMode.POSITIVE else {}
        here = {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}
        router = operation.path.split("/")[2] if operation.path.startswith("/v1/") else ""
        headers = {"Authorization": f"Bearer {tokens[router]}"} if router else {}

        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=here or None))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def cases(case: Case) -> None:
            # Whether lawful data is accepted depends on the list's state, too: `is_sound` says what may not be.
            excluded = [checks.positive_data_acceptance]
            if not operation.body:
                # A number in a query is a text like any other: what is wrong there, tests/web/test_bad_input.py
                # says.
                excluded.append(checks.negative_data_rejection)
            answer = case.call_and_validate(base_url=url, headers=headers, timeout=20, excluded_checks=excluded)
            sent[answer.status_code] += 1
            assert mode is GenerationMode.NEGATIVE or is_sound(case, answer), (case.query, case.body, answer.text)

        cases()

    async with listening(app) as url:
        for found in schema.get_all_operations():
            operation = found.ok()
            takes_anything = operation.path_parameters or operation.query or operation.body
            if operation.path.endswith("/live"):
                continue  # a stream has no end: tests/lists/test_live.py
            if mode is GenerationMode.POSITIVE or takes_anything:
                await asyncio.to_thread(send, operation, url)
    print(f"\n{sent.total()} requests: {dict(sorted(sent.items()))}")
    assert sent.total() > 100
