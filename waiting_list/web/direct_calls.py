"""Run plain API calls without FastAPI's dependencies, which would take as long as a whole join.

A plain call takes only its request, ids from its path, and at most one JSON body. FastAPI still declares and
documents it, and validates its parts. Calls with other parameters, and pages, run in FastAPI itself.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, Protocol, TypeVar, cast

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body
from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor

from waiting_list.problems import InvalidRequest


class _Call(Protocol):
    """What a plain call reads of its request."""

    @property
    def path_params(self) -> Mapping[str, Any]: ...

    async def body(self) -> bytes: ...

    async def json(self) -> Any: ...


C = TypeVar("C", bound=_Call)
_OF_A_LIST = ("offer_id", "representation_id")
_MOST_KNOWN = 1000
_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}


def is_plain(route: APIRoute) -> bool:
    """Return whether a route takes its request, ids from its path, at most one JSON body, and nothing else."""
    takes = route.dependant
    others = (takes.query_params, takes.header_params, takes.cookie_params, takes.dependencies)
    return (
        iscoroutinefunction(takes.call)
        and takes.request_param_name is not None
        and not any(others)
        and len(takes.body_params) <= 1
        and all(type(one.field_info) is Body for one in takes.body_params)
        and all(isinstance(one, StringConvertor) for one in route.param_convertors.values())
    )


def plain_handler(route: APIRoute) -> Callable[[C], Awaitable[Response]]:
    """Return what FastAPI's handler does for a plain route: validate the parts of a request, call the endpoint.

    As there, a part that is not valid raises RequestValidationError, and a body that is not JSON that or
    InvalidRequest.
    """
    takes = route.dependant
    endpoint = cast(Callable[..., Awaitable[Response]], takes.call)
    call_name = cast(str, takes.request_param_name)
    ids = [(one.name, one.alias, one.validate) for one in takes.path_params]
    body = takes.body_params[0] if takes.body_params else None
    # Ids and bodies that are valid, because a crowd sends the same few.
    known: dict[object, Any] = {}

    async def handle(call: C) -> Response:
        values: dict[str, Any] = {call_name: call}
        errors: list[Any] = []
        for name, alias, validate in ids:
            sent = call.path_params[alias]
            if (alias, sent) in known:
                values[name] = known[alias, sent]
                continue
            values[name], found = validate(sent, loc=("path", alias))
            errors += found
            if not found and alias in _OF_A_LIST:
                _note(known, (alias, sent), values[name])
        if body is not None:
            if sent := await call.body():
                if sent in known:
                    values[body.name] = known[sent]
                else:
                    read = await _json(call)
                    values[body.name], found = body.validate(read, loc=("body",))
                    errors += found
                    if not found and _has_only_numbers(read):
                        _note(known, sent, values[body.name])
            elif body.field_info.is_required():
                errors.append(_MISSING)
            else:
                values[body.name] = body.get_default()
        if errors:
            raise RequestValidationError(errors)
        return await endpoint(**values)

    return handle


def _note(known: dict[object, Any], sent: object, valid: Any) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[sent] = valid


def _has_only_numbers(body: Any) -> bool:
    # Such a body names no person. There are few of them, because models refuse unknown fields.
    return type(body) is dict and len(body) <= 3 and all(type(value) is int for value in body.values())


async def _json(call: _Call) -> Any:
    try:
        return await call.json()
    except json.JSONDecodeError as error:
        found = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}
        raise RequestValidationError([found]) from error
    except (ValueError, RecursionError):
        raise InvalidRequest.of("body", "is not valid JSON") from None
