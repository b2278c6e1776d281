"""Read the environment: the variables of the settings, the files that hold secrets, and an env file.

A setting is the variable WAITING_LIST_ and its name in capitals. An empty variable counts as unset. A secret can
stand in a file instead, which the variable with `_FILE` at its end names. A name that no setting has is a problem,
so that a typing error cannot go unnoticed.
"""

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

S = TypeVar("S", bound=BaseSettings)

PREFIX = "WAITING_LIST_"
ENV_FILE = "WAITING_LIST_ENV_FILE"
"""The variable that names the env file. The command line reads it."""
OF_CLIENTS = frozenset(("WAITING_LIST_KEY", "WAITING_LIST_URL"))
"""Variables of the examples, which are clients. The service ignores them."""
_SHORT = ("DATABASE_URL", "READ_DATABASE_URL")
"""Variables that also work without the prefix, because platforms set them."""
_FILE = "_FILE"
# Kubernetes describes each Service to the containers of its namespace. The names for a Service `waiting-list`, or
# one with a longer name, begin as ours do.
_SERVICE_LINK = re.compile(
    r"WAITING_LIST_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_LINK_PORT = re.compile(r"WAITING_LIST_(\w+_)?PORT")
_LINK_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*")


class SettingsError(Exception):
    """The environment has problems. `problems` has a sentence for each of them, with the name of its variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Variables(NamedTuple):
    """What the environment says: values and variables by the name of the setting, and a sentence a problem."""

    values: dict[str, str]
    names: dict[str, str]
    problems: list[str]


def read_variables(environment: Mapping[str, str], fields: Mapping[str, FieldInfo]) -> Variables:
    """Read the variables of these settings. The variables that Kubernetes makes count as unset."""
    given = {
        name.upper(): (name, value)
        for name, value in environment.items()
        if value and not is_service_link(name.upper(), value)
    }
    found, known = Variables({}, {}, []), {ENV_FILE, *OF_CLIENTS}
    for field, info in fields.items():
        names = names_of(field)
        files = [f"{name}{_FILE}" for name in names] if is_secret(info) else []
        known.update(names, files)
        plain, in_files = ([given[name] for name in some if name in given] for some in (names, files))
        if plain and in_files:
            found.problems.append(f"{plain[0][0]} and {in_files[0][0]} are both set. Keep one of them.")
        elif plain:
            found.names[field], found.values[field] = plain[0]
        elif in_files:
            _read_secret(found, field, *in_files[0])
    found.problems.extend(_unknown(given, known))
    return found


def read(kind: type[S]) -> S:
    """Read settings from the environment. Raises SettingsError with all problems at once."""
    found = read_variables(os.environ, kind.model_fields)
    problems = list(found.problems)
    settings: S | None = None
    try:
        settings = kind()
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"]:
                field = str(detail["loc"][0])
                problems.append(f"{found.names.get(field, names_of(field)[0])} {_requirement(detail)}.")
            elif not found.problems:  # a secret that could not be read contradicts nothing
                problems.extend(str(detail["ctx"]["error"]).split("\n"))
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


class Environment(PydanticBaseSettingsSource):
    """The variables of the environment, in the form that pydantic-settings asks for."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return no value, because a call of the source returns all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values that the environment has, by the name of the setting."""
        return dict(read_variables(os.environ, self.settings_cls.model_fields).values)


def names_of(field: str) -> list[str]:
    """Return the variables that set a setting. The first of them counts."""
    return [PREFIX + field.upper(), *(short for short in _SHORT if short == field.upper())]


def is_secret(info: FieldInfo) -> bool:
    """Return whether a setting is a secret, by its type. A file can hold it."""
    return SecretStr in (info.annotation, *get_args(info.annotation))


def read_env_file(file: Path) -> dict[str, str]:
    """Return the variables of an env file. A `$` in a value stands for itself.

    Raises ValueError with a sentence if the file cannot be read, or if a line is not NAME=value.
    """
    try:
        with file.open(encoding="utf-8-sig") as stream:
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The env file {file} cannot be read: {_reason(error)}.") from error
    values = {}
    for line in lines:
        if line.error or (line.key is not None and line.value is None):
            raise ValueError(f"Line {line.original.line} of {file} is not NAME=value.")
        if line.key is not None and line.value is not None:
            values[line.key] = line.value
    return values


def is_service_link(name: str, value: str) -> bool:
    """Return whether Kubernetes has made this variable. A port can be a setting; then its value tells."""
    if _SERVICE_LINK.fullmatch(name):
        return True
    return bool(_LINK_PORT.fullmatch(name) and _LINK_ADDRESS.fullmatch(value))


def _read_secret(found: Variables, field: str, name: str, file: str) -> None:
    try:
        value = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        found.problems.append(f"{name} names {file}, which cannot be read: {_reason(error)}.")
        return
    if value:
        found.names[field], found.values[field] = name, value
    else:
        found.problems.append(f"{name} names {file}, which is empty.")


def _unknown(given: Mapping[str, tuple[str, str]], known: set[str]) -> Iterator[str]:
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            # Without the prefix, because that would make all names alike.
            ours = [one.removeprefix(PREFIX) for one in known if one.startswith(PREFIX)]
            nearest = get_close_matches(name.removeprefix(PREFIX), ours, n=1)
            hint = f"Did you mean {PREFIX}{nearest[0]}?" if nearest else "docs/settings.md lists the settings."
            yield f"{given[name][0]} is not a setting. {hint}"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _requirement(detail: ErrorDetails) -> str:
    """Say what a value must be. Only values of settings that are no secrets have one of the first kinds."""
    limits, given = detail.get("ctx", {}), detail["input"]
    known = {
        "int_parsing": f"must be a whole number, not {given!r}",
        "int_parsing_size": "must be a smaller number",
        "float_parsing": f"must be a number, not {given!r}",
        "finite_number": f"must be a number, not {given!r}",
        "bool_parsing": f"must be true or false, not {given!r}",
        "literal_error": f"must be {str(limits.get('expected')).replace(chr(39), '')}, not {given!r}",
        "greater_than": f"must be more than {_number(limits.get('gt'))}",
        "greater_than_equal": f"must be at least {_number(limits.get('ge'))}",
        "less_than_equal": f"must be at most {_number(limits.get('le'))}",
        "string_pattern_mismatch": "does not have the form that docs/settings.md shows",
        "value_error": str(limits.get("error")),
    }
    return known.get(detail["type"], f"is not valid: {detail['msg']}")


def _number(limit: float | None) -> str:
    return str(limit).removesuffix(".0")
