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

    async def handle(call: C) -> Response:
        values: dict[str, Any] = {call_name: call}
        errors: list[Any] = []
        for name, alias, validate in ids:
            values[name], found = validate(call.path_params[alias], loc=("path", alias))
            errors += found
        if body is not None:
            if await call.body():
                values[body.name], found = body.validate(await _json(call), loc=("body",))
                errors += found
            elif body.field_info.is_required():
                errors.append(_MISSING)
            else:
                values[body.name] = body.get_default()
        if errors:
            raise RequestValidationError(errors)
        return await endpoint(**values)

    return handle


async def _json(call: _Call) -> Any:
    try:
        return await call.json()
    except json.JSONDecodeError as error:
        found = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}
        raise RequestValidationError([found]) from error
    except (ValueError, RecursionError):
        raise InvalidRequest.of("body", "is not valid JSON") from None
