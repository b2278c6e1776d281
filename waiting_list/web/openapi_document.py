"""Finish the OpenAPI document: add what FastAPI cannot know, and say once what it repeats.

FastAPI describes paths, parameters and models. This module adds texts, examples, headers, the server and the
webhooks, and moves what many calls share into `components`.
"""

import ast
import inspect
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from enum import StrEnum
from importlib.metadata import metadata
from typing import Any

from pydantic.json_schema import models_json_schema

from waiting_list.access.scopes import Scope
from waiting_list.lists.list_settings import SETTINGS, DeclaredSettings
from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.lists.queries.models import Signal
from waiting_list.lists.queries.why_waiting import Reason
from waiting_list.lists.queries.wish_places import WishState
from waiting_list.lists.setting_values import AfterExpiry, JoinChallenge, Order, Policy
from waiting_list.lists.wishes import Choice
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.webhook_payloads import TYPES, payload
from waiting_list.problems import Problem
from waiting_list.web.openapi import example, sent, summary
from waiting_list.web.openapi_bodies import BODIES
from waiting_list.web.openapi_examples import answer_example, webhook_example
from waiting_list.web.openapi_texts import FIELDS, HEADERS, PARAMETERS, SOMETIMES, TAGS
from waiting_list.web.problem_responses import PROBLEM_JSON, ProblemDocument

Json = dict[str, Any]
_JSON = "application/json"
_ENUMS: tuple[type[StrEnum], ...] = (
    AfterExpiry, Choice, JoinChallenge, LeftReason, ListStatus, NoticeStatus, Order, Policy, Reason, Scope,
    Signal, Status, WebhookType, WishState,
)  # fmt: skip
"""The enums whose members have a docstring each, which the document shows."""
_NAMES = {r"Listing_(\w+)_": r"\1Page", r"(\w+)-Input": r"\1Fields", r"(\w+)-Output": r"\1"}
"""The names that FastAPI gives to pages, and to the two forms of a model of requests and answers; and ours."""
_EVERY_ANSWER = ("Cache-Control", "X-Request-Id")
_LIMITED = ("RateLimit", "RateLimit-Policy")
_BEFORE_LIMITS = ("408", "413")
"""The service answers with these before it counts the request. Streams have no such headers either."""
SECURITY_SCHEMES: Mapping[str, Json] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "opaque",
        "description": "An organization's API key, which begins with `wl_`.",
    },
    "userToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token for one fan. The call `create_user_token` makes it.",
    },
}
"""The credentials of the API."""


def contact() -> dict[str, str]:
    """Return where to ask about the service, from the metadata of the package."""
    package = metadata("waiting-list")
    links = dict(line.split(", ", 1) for line in package.get_all("Project-URL") or ())
    people = [package[field] for field in ("Maintainer-email", "Author-email") if field in package]
    name, email = parseaddr(people[0]) if people else ("", "")
    found = {"name": name or "Waiting List Service"} | ({"email": email} if email else {})
    if url := links.get("Issues") or links.get("Repository") or links.get("Homepage"):
        found["url"] = url
    return found


def licence() -> dict[str, str]:
    """Return the licence of the service, from the metadata of the package."""
    name = metadata("waiting-list")["License-Expression"]
    return {"name": name, "identifier": name}


def finish(document: Json, *, public_url: str) -> Json:
    """Make the document of the service from that of FastAPI. `public_url` is the address that clients use."""
    document = _renamed(document)
    document["servers"] = [{"url": public_url.rstrip("/"), "description": "The public address of this service."}]
    document["tags"] = [
        {"name": name, "description": text} for tags in TAGS.values() for name, text in tags.items()
    ]
    document["x-tagGroups"] = [{"name": group, "tags": list(tags)} for group, tags in TAGS.items()]
    components = document["components"]
    schemas: Json = components["schemas"]
    _add_models(schemas)
    _describe_enums(schemas)
    _describe_fields(schemas)
    components["examples"] = {}
    for operation in operations(document):
        _finish_call(operation, components)
    _move_defaults(document)
    document["webhooks"] = {str(type_): {"post": _webhook(type_)} for type_ in TYPES}
    components["securitySchemes"] = dict(SECURITY_SCHEMES)
    components["headers"] = {
        name: {"description": text, "required": name not in SOMETIMES, "schema": dict(schema)}
        for name, (text, schema) in HEADERS.items()
    }
    components["examples"] |= {problem.code: example(problem) for problem in _declared_problems(document)}
    _share_responses(document)
    _share_parameters(document)
    finished: Json = json.loads(json.dumps(document))
    return finished


def operations(document: Json) -> Iterator[Json]:
    """Return every call of a document."""
    for calls in document["paths"].values():
        yield from calls.values()


def inlined(document: Json) -> Json:
    """Return a document with its shared responses, parameters, headers and examples in their places again."""

    def inline(node: Any) -> Any:
        match node:
            case {"$ref": str(to)} if not to.startswith("#/components/schemas/"):
                _, kind, name = to.removeprefix("#/").split("/")
                return inline(document["components"][kind][name])
            case dict():
                return {key: inline(value) for key, value in node.items()}
            case list():
                return [inline(one) for one in node]
        return node

    whole: Json = inline(document)
    return whole


def _renamed(document: Json) -> Json:
    """Give shapes our names, and drop the titles that only repeat a name."""
    text = json.dumps(document)
    for name, ours in _NAMES.items():
        text = re.sub(rf'(?<=["/]){name}(?=")', ours, text)
    renamed: Json = json.loads(text)
    for schema in _schemas(renamed):
        schema.pop("title", None)
    return renamed


def _schemas(node: Any) -> Iterator[Json]:
    """Find every schema, also inside of others."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("schema", "items", "additionalProperties") and isinstance(value, dict):
                yield value
            elif key in ("schemas", "properties") and isinstance(value, dict):
                yield from value.values()
            elif key in ("anyOf", "allOf", "oneOf", "prefixItems"):
                yield from value
            yield from _schemas(value)
    elif isinstance(node, list):
        for one in node:
            yield from _schemas(one)


def _add_models(schemas: Json) -> None:
    """Add the shapes that no route names: the problem, and what webhooks receive."""
    models = [(model, "serialization") for model in (ProblemDocument, *map(payload, TYPES))]
    _, made = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    for name, schema in _renamed({"schemas": made["$defs"]})["schemas"].items():
        schemas.setdefault(name, schema)
    schemas["ProblemDocument"]["properties"]["code"] = {"$ref": "#/components/schemas/ProblemCode"}
    codes = {problem.code: summary(problem) for problem in sorted(Problem.kinds(), key=lambda one: one.code)}
    schemas["ProblemCode"] = {
        "type": "string",
        "enum": list(codes),
        "description": _with_values("The reason of a refusal.", codes),
    }


def _describe_enums(schemas: Json) -> None:
    for enum in _ENUMS:
        schema = schemas[enum.__name__]
        schema["description"] = _with_values(_line(schema["description"]), _members(enum))


def _with_values(text: str, values: Mapping[str, str]) -> str:
    return "\n".join([text, "", *(f"- `{value}`: {meaning}" for value, meaning in values.items())])


def _members(enum: type[StrEnum]) -> dict[str, str]:
    """Return the docstring of each member, by its value. They are only in the source."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(enum))).body
    assert isinstance(found, ast.ClassDef)
    texts = {}
    for member, text in zip(found.body, found.body[1:], strict=False):
        match member, text:
            case ast.Assign(value=ast.Constant(str(value))), ast.Expr(value=ast.Constant(str(meaning))):
                texts[value] = _line(meaning)
    return texts


def _describe_fields(schemas: Json) -> None:
    settings = {name: field.description for name, field in DeclaredSettings.model_fields.items()}
    for name, schema in schemas.items():
        if "description" in schema:
            schema["description"] = _paragraphs(schema["description"])
        elif name.endswith("Page"):
            schema["description"] = "One page of a listing."
        for field, described in schema.get("properties", {}).items():
            text = FIELDS.get(f"{name}.{field}") or settings.get(field) or FIELDS.get(field)
            if text:
                described.setdefault("description", text)


def _move_defaults(document: Json) -> None:
    """Say the defaults of bodies in words, because generated clients would send them, or require every such field.

    A client that sends the defaults in a PATCH would reset what it omits.
    """
    for path in document["paths"].values():
        for method, operation in path.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                media["schema"].pop("default", None)  # of a body that may be missing
                schema = document["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
                for name, field in schema["properties"].items():
                    default = field.pop("default", None)
                    if default in (None, "", []) or (method == "patch" and name not in SETTINGS):
                        continue
                    of = "A new list has" if method == "patch" else "By default"
                    said = default if isinstance(default, str) else json.dumps(default)
                    field["description"] += f" {of} `{said}`."


def _finish_call(operation: Json, components: Json) -> None:
    call = operation["operationId"]
    operation["description"] = _paragraphs(operation["description"])
    # In place of the function's name, because Swagger UI lists the summaries.
    operation["summary"] = _sentence(operation["description"])
    operation.setdefault("security", [])
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        schema = parameter["schema"]
        # A parameter that may be null is one that clients can omit.
        parameter["schema"] = next((one for one in schema.get("anyOf", ()) if one != {"type": "null"}), schema)
        parameter.setdefault("description", PARAMETERS.get(parameter["name"], ""))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media["examples"] = {
            f"{call}-{number}": {"summary": text, "value": body}
            for number, (text, body) in enumerate(BODIES[call], 1)
        }
    once = any(parameter["name"] == "Idempotency-Key" for parameter in parameters)
    for status, response in operation["responses"].items():
        names = [*_EVERY_ANSWER]
        if status not in _BEFORE_LIMITS and "text/event-stream" not in response.get("content", ()):
            names += _LIMITED
        if status < "300":
            # Of the others with 202, a letter is asked for again.
            if once and (status != "202" or call == "ask_for_alert"):
                names.append("Idempotent-Replayed")
            for media in response.get("content", {}).values():
                shape = media["schema"].get("$ref", "").rpartition("/")[2]
                if shape:
                    name, value = answer_example(call, shape)
                    components["examples"][name] = {"value": value}
                    media["examples"] = {name: {"$ref": f"#/components/examples/{name}"}}
                    if response["description"] == "Successful Response":
                        response["description"] = _sentence(components["schemas"][shape]["description"]) + "."
        response["headers"] = dict(sorted((response.get("headers", {}) | sent(*names)).items()))


def _webhook(type_: str) -> Json:
    body = payload(type_)
    text = _line(body.__doc__ or "")
    header = {"in": "header", "required": True}
    return {
        "operationId": body.__name__,
        "summary": text.removesuffix("."),
        "description": f"{text}\n\nA delivery follows the Standard Webhooks specification. Check its signature "
        "first. Deliveries can come twice, or in another order.",
        "tags": ["Webhooks"],
        "security": [],
        "parameters": [
            {
                "name": "webhook-id",
                "description": "The id of the delivery. A repeated delivery has the same id.",
                "schema": {"type": "string"},
                **header,
            },
            {
                "name": "webhook-timestamp",
                "description": "When this attempt was made, in seconds since 1970.",
                "schema": {"type": "integer"},
                **header,
            },
            {
                "name": "webhook-signature",
                "description": "One or more signatures, separated by spaces: `v1,` and the HMAC-SHA256 of id, "
                "timestamp and body, joined by dots, in base64.",
                "schema": {"type": "string"},
                **header,
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {
                    "schema": {"$ref": f"#/components/schemas/{body.__name__}"},
                    "examples": {body.__name__: {"value": webhook_example(type_)}},
                }
            },
        },
        "responses": {
            "2XX": {"description": "You stored the event. The service does not send it again."},
            "410": {"description": "You want no deliveries. The service disables the webhook."},
            "default": {"description": "The service tries again later, up to ten times."},
        },
    }


def _declared_problems(document: Json) -> list[type[Problem]]:
    codes = set(re.findall(r'"#/components/examples/(\w+)"', json.dumps(document)))
    return [problem for problem in Problem.kinds() if problem.code in codes]


def _share_responses(document: Json) -> None:
    """Move the refusals that several calls have in common into `components`, named by their codes."""
    refusals = [
        (operation["responses"], status)
        for operation in operations(document)
        for status, response in operation["responses"].items()
        if PROBLEM_JSON in response.get("content", {})
    ]
    count = Counter(json.dumps(responses[status]) for responses, status in refusals)
    shared: Json = {}
    document["components"]["responses"] = shared
    for responses, status in refusals:
        response = responses[status]
        if count[json.dumps(response)] > 1:
            name = ".".join(response["content"][PROBLEM_JSON]["examples"])
            shared[name] = response
            responses[status] = {"$ref": f"#/components/responses/{name}"}


def _share_parameters(document: Json) -> None:
    """Move the parameters that several calls have in common into `components`."""
    lists = [operation["parameters"] for operation in operations(document)]
    count = Counter(json.dumps(parameter) for parameters in lists for parameter in parameters)
    shared: Json = {}
    document["components"]["parameters"] = shared
    for parameters in lists:
        for index, parameter in enumerate(parameters):
            if count[json.dumps(parameter)] > 1:
                name = f"{parameter['name']}.{parameter['in']}"
                if shared.setdefault(name, parameter) == parameter:
                    parameters[index] = {"$ref": f"#/components/parameters/{name}"}


def _sentence(text: str) -> str:
    return re.split(r"\.(?=\s|$)", text, maxsplit=1)[0]


def _paragraphs(text: str) -> str:
    """Join the lines of each paragraph. A list keeps its lines."""
    return "\n\n".join(
        part if part.startswith("- ") else _line(part) for part in re.split(r"\n\s*\n", text.strip())
    )


def _line(text: str) -> str:
    return " ".join(text.split())
