"""Check values of settings. Each check returns the value, or raises ValueError with what the value must be."""

import os
import re
from collections.abc import Iterator
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import Field, SecretStr

from waiting_list.dsn import for_asyncpg
from waiting_list.environment import names_of

_HOST_NAME = r"[^\s/:@]+"
_IPV6 = r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"

MOST = 1_000_000_000
"""The highest limit, because PostgreSQL counts in 32 bits."""


def limit(default: int, description: str) -> Any:
    """Declare a limit; 0 means no limit."""
    return Field(default=default, ge=0, le=MOST, description=description)


def database(value: SecretStr | None) -> SecretStr | None:
    """Check the address of a database, and return it in the form of asyncpg."""
    return None if value is None else SecretStr(for_asyncpg(value.get_secret_value()))


def mailbox(value: str) -> str:
    """Check the sender of e-mails."""
    if not value.isprintable() or not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", parseaddr(value)[1]):
        raise ValueError("must have an address, such as Tickets <tickets@example.org>")
    return value


def networks(value: str) -> str:
    """Check addresses and networks, separated by commas, or `*` for all."""
    if value.strip() == "*":
        return "*"
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError as error:
            what = "a network with bits set behind its mask" if "host bits" in str(error) else "neither"
            raise ValueError(
                f"must have addresses and networks, such as 10.0.0.0/8, but {entry!r} is {what}"
            ) from error
    return ",".join(entries)


def readable_folder(value: Path | None) -> Path | None:
    """Check a folder that the service reads."""
    if value is None:
        return None
    if not value.is_dir():
        raise ValueError(f"must be a folder, but {value} is " + ("a file" if value.exists() else "not there"))
    if not os.access(value, os.R_OK | os.X_OK):
        raise ValueError(f"must be a folder that this process can read, but {value} is not")
    return value


def writable_folder(value: Path | None) -> Path | None:
    """Check a folder to which the service writes. The service makes it, if the folder around it is there."""
    if value is None:
        return None
    there = value if value.exists() else value.absolute().parent
    readable_folder(there)
    if not os.access(there, os.W_OK):
        raise ValueError(f"must be a folder to which this process can write, but {there} is not")
    return value


def web_address(value: str | None) -> str | None:
    """Check an address that the service calls."""
    if value is not None and not re.fullmatch(r"https?://[^/\s]+/\S*", value):
        raise ValueError("must be an address with a path, such as https://id.example.org/keys")
    return value


def server(value: str) -> str:
    """Check the address of a server that the service calls, with a path or without; empty: none."""
    if not re.fullmatch(r"(https?://[^/\s]+(/\S*)?)?", value):
        raise ValueError("must be an address, such as https://api.example.org")
    return value


def bucket(value: str | None) -> str | None:
    """Check the address of a bucket, with a folder or without."""
    host = rf"(?:{_HOST_NAME}|\[{_IPV6}\])(?::[0-9]+)?"
    if value is not None and not re.fullmatch(rf"https?://{host}(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+/?", value):
        raise ValueError("must be a store and a bucket, such as https://s3.eu-west-3.amazonaws.com/my-images")
    return value


def public_key(value: str | None) -> str | None:
    """Check a public key."""
    try:
        if value is not None:
            load_pem_public_key(value.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("must be a public key as PEM, which begins with -----BEGIN PUBLIC KEY-----") from error
    return value


def host_name(value: str | None) -> str | None:
    """Check the name or address of a host."""
    if value is not None and not re.fullmatch(f"{_HOST_NAME}|{_IPV6}", value):
        raise ValueError("must be only a host, such as smtp.example.org, because the port is another setting")
    return value


def contradictions(settings: Any) -> Iterator[str]:
    """Yield which settings do not fit together, a sentence each."""
    if (settings.challenge_verify_url is None) != (settings.challenge_verify_secret is None):
        yield _together("challenge_verify_url", "challenge_verify_secret")
    if (settings.user_token_public_key or settings.user_token_jwks_url) and not (
        settings.user_token_issuer and settings.user_token_audience
    ):
        yield f"An identity provider also needs {_variables('user_token_issuer', 'user_token_audience')}."
    if (settings.smtp_username is None) != (settings.smtp_password is None):
        yield _together("smtp_username", "smtp_password")
    if (settings.images_s3_access_key_id is None) != (settings.images_s3_secret_access_key is None):
        yield _together("images_s3_access_key_id", "images_s3_secret_access_key")
    if settings.images_s3_url and find_spec("obstore") is None:
        yield f"{_variables('images_s3_url')} needs one more package: pip install 'waiting-list[s3]'."


def _variables(*fields: str) -> str:
    return " and ".join(names_of(field)[0] for field in fields)


def _together(*fields: str) -> str:
    return f"{_variables(*fields)} go together. Set both or neither."
