"""The page of all calls, made from /openapi.json: `python docs/reference.py api` prints it."""

from collections.abc import Iterator
from typing import Any

INT32_MAX = 2**31 - 1
_CREDENTIALS = {"apiKey": "an API key", "userToken": "a user token"}

_INTRODUCTION = """# The API, call by call

This page shows the API document `/openapi.json`, and is made by `make generate`. Each call has its operation id as
its name.

Requests and answers are JSON. Listings have pages: `?limit=` sets their size, and `?cursor=` takes the
`next_cursor` of the previous page. Instants are RFC 3339 with an offset. The service refuses unknown fields and
parameters.

See also: [what each problem means](problems.md), [how to get a key or a token](api-keys.md), and
[how many requests are allowed](rate-limits.md).

Each call can also answer 500 `internal_error` if the service has a defect."""


def page(document: dict[str, Any]) -> str:
    """Every call with its parameters, body, answers and problems; then every shape."""
    lines = [_INTRODUCTION]
    groups = {group["name"] for group in document["x-tagGroups"]}
    calls: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            # A tag with the name of its group has no heading of its own.
            calls[tag] += _call(method.upper(), path, operation, heading="###" if tag in groups else "####")
    about = {tag["name"]: tag["description"] for tag in document["tags"]}
    for group in document["x-tagGroups"]:
        lines += ["", f"## {group['name']}"]
        for tag in group["tags"]:
            lines += (
                ["", about[tag], *calls[tag]] if tag in groups else ["", f"### {tag}", "", about[tag], *calls[tag]]
            )
    lines += ["", "## Shapes"]
    shapes: dict[str, Any] = {}
    for name, schema in document["components"]["schemas"].items():
        shapes |= {name: schema} | schema.get("$defs", {})
    for name, schema in sorted(shapes.items()):
        if not name.endswith("Page"):
            lines += _object(name, schema)
    return "\n".join(lines)


def _call(method: str, path: str, operation: dict[str, Any], *, heading: str) -> Iterator[str]:
    yield from ("", f"{heading} {operation['operationId']}", "", f"`{method} {path}`", "")
    yield from (_line(operation["description"]), "")
    names = [_CREDENTIALS[name] for one in operation.get("security", []) for name in one]
    yield f"- Credentials: {' or '.join(names) or 'none'}."
    yield from map(_parameter, operation.get("parameters", []))
    sent = operation.get("requestBody", {})
    for content in sent.get("content", {}).values():
        yield f"- Body: {_type(content['schema'])}{'' if sent.get('required') else ', optional'}."
    refusals = []
    for status, answered in operation["responses"].items():
        examples = answered.get("content", {}).get("application/problem+json", {}).get("examples", ())
        refusals += [f"{status} `{code}`" for code in examples]
        if not examples:
            yield f"- Answers {status}: {_answered(answered)}."
    if refusals:
        yield f"- Refuses: {', '.join(refusals)}."


def _parameter(one: dict[str, Any]) -> str:
    schema = one["schema"]
    repeated = schema.get("type") == "array"
    said = [f"`{one['name']}` ({one['in']}): {_type(schema['items'] if repeated else schema)}"]
    if (default := one["schema"].get("default")) is not None:
        said.append(f"default {_word(default)}")
    if repeated:
        said.append("any number of times")
    return f"- {', '.join(said)}. {_line(one.get('description', ''))}".rstrip()


def _answered(answered: dict[str, Any]) -> str:
    shown = [
        _type(one["schema"]) if "$ref" in one.get("schema", {}) else f"`{kind}`"
        for kind, one in answered.get("content", {}).items()
    ]
    return "; ".join(part for part in (" or ".join(shown), answered["description"].rstrip(".")) if part)


def _object(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"### {name} (shape)", "")
    text = schema["description"]
    yield from (text if "\n- " in text else _line(text), "")
    if "enum" in schema:
        return
    yield from ("| field | type | |", "| --- | --- | --- |")
    for field, one in schema["properties"].items():
        notes = [_line(one["description"])] if "description" in one else []
        if field not in schema.get("required", []):
            given = one.get("default") not in (None, "", [])
            notes.append(f"Default `{_word(one['default'])}`." if given else "Optional.")
        yield f"| `{field}` | {_type(one)} | {' '.join(notes)} |"


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str(to)}:
            said = _link(to.rpartition("/")[2])
        case {"anyOf": list(choices)}:
            said = " or ".join("null" if one == {"type": "null"} else _type(one) for one in choices)
        case {"enum": list(values)}:
            said = " or ".join(f"`{value}`" for value in values)
        case {"const": value}:
            said = f"`{value}`"
        case {"type": "array", "items": dict(items)}:
            said = f"list of {_type(items)}"
        case {"type": "integer" | "number" as kind}:
            said = ("whole " if kind == "integer" else "") + "number" + _range(schema)
        case {"type": "string", "format": str(form)}:
            said = {"date-time": "instant", "email": "e-mail address", "uri": "web address"}.get(form, form)
        case {"type": "string"}:
            said = f"text of at most {schema['maxLength']}" if "maxLength" in schema else "text"
        case {"type": "boolean"}:
            said = "true or false"
        case _:
            said = schema.get("type", "anything")
    return said


def _range(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is not None and most != INT32_MAX:
        return f", {_number(least or 0)} to {_number(most)}"
    return f", {_number(least)} or more" if least is not None else ""


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:g}"


def _link(name: str) -> str:
    if name.endswith("Page"):
        return f"a page of {_link(name.removesuffix('Page'))}: `items`, `next_cursor`"
    return f"[{name}](#{name.lower()}-shape)"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
