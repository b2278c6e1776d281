"""The OpenAPI document: a stranger understands it, and it agrees with the service.

The client of the `shop` fixture checks every answer in all tests against it: status, headers, code and body
(tests/support/shop.py). tests/web/test_openapi_examples.py plays its examples.
"""

import json
import re
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.support.shop import shape_of
from waiting_list.app import create_app
from waiting_list.lists.events import WebhookType
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.web import openapi_document
from waiting_list.web.openapi_document import inlined

DOCUMENT = create_app(Settings()).openapi()
WHOLE = inlined(DOCUMENT)
CALLS = {call["operationId"]: call for calls in WHOLE["paths"].values() for call in calls.values()}
SCHEMAS = DOCUMENT["components"]["schemas"]
SOURCE = re.compile(r"\bdocs/|\.(md|py|sql)\b|\bARCHITECTURE\b|\bevents\.VERBS|waiting_list/")


def texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Find each description and summary, with its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("description", "summary") and isinstance(value, str) and "/examples/" not in path:
                yield path, value
            yield from texts(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts(value, f"{path}/{index}")


def media_of(call: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Find each body that a call takes or answers with, with its media type."""
    yield from call.get("requestBody", {}).get("content", {}).items()
    for response in call["responses"].values():
        yield from response.get("content", {}).items()


def reached(node: Any) -> set[str]:
    """Find the names of all shapes that a part of the document needs."""
    found: set[str] = set()
    new = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(node)))
    while new:
        found |= new
        new = set(re.findall(r"#/components/schemas/(\w+)", json.dumps([SCHEMAS[name] for name in new]))) - found
    return found


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_described_whole(name: str) -> None:
    call = CALLS[name]
    assert call["description"].endswith(".")
    assert call["summary"]
    assert len(call["tags"]) == 1
    assert isinstance(call["security"], list)
    for parameter in call["parameters"]:
        assert re.fullmatch(r"[A-Z`].*\.", parameter["description"]), parameter["name"]
        assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), parameter["name"]
    for status, response in call["responses"].items():
        assert response["description"] not in ("", "Successful Response"), status
        assert {"Cache-Control", "X-Request-Id"} <= response["headers"].keys(), status
    for kind, media in media_of(call):
        assert media["schema"], kind
        if kind.endswith("json"):
            assert "$ref" in media["schema"]
            assert media["examples"]


def test_every_call_has_the_name_of_its_verb(app: FastAPI) -> None:
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    assert [route.path for route in routes if route.operation_id != route.endpoint.__name__] == []
    assert len(routes) == len(CALLS) > 50


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_shape_and_field_is_described(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["description"].strip()
    undescribed = [field for field, one in schema.get("properties", {}).items() if not one.get("description")]
    assert undescribed == []
    if "enum" in schema:
        assert [one for one in schema["enum"] if f"- `{one}`: " not in schema["description"]] == []


def test_no_text_points_into_the_source() -> None:
    found = list(texts(DOCUMENT))
    assert len(found) > 500
    assert [(path, text) for path, text in found if SOURCE.search(text)] == []


def test_tags_are_resources_and_each_belongs_to_one_router() -> None:
    groups = {tag: group["name"] for group in DOCUMENT["x-tagGroups"] for tag in group["tags"]}
    assert [tag["name"] for tag in DOCUMENT["tags"]] == list(groups)
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    used = set()
    for path, calls in DOCUMENT["paths"].items():
        router = path.split("/")[2] if path.startswith("/v1/") else "operations"
        for call in calls.values():
            used.add(call["tags"][0])
            assert router in groups[call["tags"][0]].lower()
    assert used == groups.keys()


def test_answers_take_new_fields_and_requests_do_not() -> None:
    calls = CALLS.values()
    answered = reached([[call["responses"] for call in calls], DOCUMENT["webhooks"]])
    assert [name for name in answered if "additionalProperties" in SCHEMAS[name]] == []
    sent = reached([call.get("requestBody") for call in calls])
    objects = [name for name in sent if SCHEMAS[name].get("type") == "object"]
    assert len(objects) > 20
    assert [name for name in objects if SCHEMAS[name].get("additionalProperties") is not False] == []
    assert not set(objects) & answered


def test_no_generated_client_sends_what_its_caller_omits() -> None:
    for name in reached([call.get("requestBody") for call in CALLS.values()]):
        fields = SCHEMAS[name].get("properties", {})
        assert [field for field, one in fields.items() if "default" in one] == [], name


def test_answers_have_every_field() -> None:
    for name in reached([call["responses"] for call in CALLS.values()]) - {"ProblemDocument"}:
        assert {*SCHEMAS[name].get("properties", {})} == {*SCHEMAS[name].get("required", [])}, name


def test_a_put_that_creates_answers_as_one_that_changes() -> None:
    puts = [call for name, call in CALLS.items() if name.startswith("put_")]
    assert len(puts) == 4
    for call in puts:
        created, changed = (call["responses"][status]["content"] for status in ("201", "200"))
        assert created == changed


def test_the_code_of_a_problem_is_one_of_its_kinds() -> None:
    kinds = Problem.kinds()
    problem = SCHEMAS["ProblemDocument"]
    assert problem["properties"]["code"]["$ref"].endswith("/ProblemCode")
    assert SCHEMAS["ProblemCode"]["enum"] == sorted(kind.code for kind in kinds)
    assert {name for kind in kinds for name in kind.example} <= problem["properties"].keys()
    assert set(problem["required"]) == {"type", "title", "status", "detail", "instance", "code"}


def test_every_example_has_the_shape_that_it_is_an_example_of() -> None:
    tried = 0
    webhooks = [hook["post"] for hook in WHOLE["webhooks"].values()]
    for call in [*CALLS.values(), *webhooks]:
        for _, media in media_of(call):
            for example in media.get("examples", {}).values():
                shape_of(media["schema"], DOCUMENT["components"]).validate(example["value"])
                tried += 1
    assert tried > 500


def test_refusals_are_said_once() -> None:
    refusals = [
        response
        for calls in DOCUMENT["paths"].values()
        for call in calls.values()
        for status, response in call["responses"].items()
        if status >= "400"
    ]
    shared = [response for response in refusals if "$ref" in response]
    assert len(shared) > 0.9 * len(refusals)
    whole = [json.dumps(response) for response in refusals if "$ref" not in response]
    assert len(set(whole)) == len(whole)


def test_the_webhooks_are_those_of_the_table() -> None:
    assert DOCUMENT["webhooks"].keys() == {*WebhookType, "webhook.test", "webhook.disabled"}
    for type_, hook in DOCUMENT["webhooks"].items():
        body = hook["post"]["requestBody"]["content"]["application/json"]
        name = body["schema"]["$ref"].rpartition("/")[2]
        assert SCHEMAS[name]["properties"]["type"]["const"] == type_
        names = {parameter["name"] for parameter in hook["post"]["parameters"]}
        assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}


def test_the_server_is_the_public_address() -> None:
    for address in ("https://tickets.example", "http://127.0.0.1:8140"):
        servers = create_app(Settings(public_url=address)).openapi()["servers"]
        assert [server["url"] for server in servers] == [address]


def test_the_contact_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Message()
    monkeypatch.setattr(openapi_document, "metadata", lambda _: package)
    assert openapi_document.contact() == {"name": "Waiting List Service"}
    package["Maintainer-email"] = "Box office team <team@mail.example>"
    package["Project-URL"] = "Homepage, https://tickets.example"
    assert openapi_document.contact() == {
        "name": "Box office team",
        "email": "team@mail.example",
        "url": "https://tickets.example",
    }


def test_the_document_names_its_licence_and_contact() -> None:
    assert DOCUMENT["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    assert DOCUMENT["info"]["contact"]["name"]
    assert DOCUMENT["info"]["description"].strip()
