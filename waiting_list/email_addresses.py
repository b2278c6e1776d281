"""Check and take apart e-mail addresses, also those of local networks.

The public Internet does not reach an address such as `ada@clinic.local` or `root@mailhost`. The service accepts it
only in a domain that the setting `mail_local_domains` names.
"""

import re
from contextvars import ContextVar
from urllib.parse import quote

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, ValidatedEmail, validate_email

LOCAL_DOMAINS: ContextVar[frozenset[str]] = ContextVar("LOCAL_DOMAINS", default=frozenset())
"""The local domains that the service accepts. web/body_guard.py sets them for each request."""
_PUBLIC = ".example"
_WEB_ADDRESS = re.compile(r"https?://[!-~]+")


def normalize(email: str) -> str:
    """Return an address in its normal form. Raises EmailNotValidError, also for an address of a local network."""
    return _parse(email).normalized


def normalize_local(email: str) -> str | None:
    """Return an address of a local network in its normal form; None for all other texts."""
    found = _parse_local(email)
    return f"{found.local_part}@{found.domain.removesuffix(_PUBLIC)}" if found else None


def is_accepted(local_email: str) -> bool:
    """Return whether the domain of an address, or a domain above it, is in LOCAL_DOMAINS."""
    domain = local_email.rpartition("@")[2]
    return any(domain == one or domain.endswith(f".{one}") for one in LOCAL_DOMAINS.get())


def split(email: str) -> tuple[str, str] | None:
    """Return the name and the ASCII domain of an address, public or local; None if it is not valid."""
    try:
        found = _parse(email)
    except EmailNotValidError:
        local = _parse_local(email)
        return (local.local_part, local.ascii_domain.removesuffix(_PUBLIC)) if local else None
    return found.local_part, found.ascii_domain


def link_to(contact: str) -> str | None:
    """Return where a link to an organizer's contact leads; None if it is neither a web nor an e-mail address."""
    if _WEB_ADDRESS.fullmatch(contact):
        return contact
    return f"mailto:{quote(contact, safe='@')}" if split(contact) else None


def _parse(email: str) -> ValidatedEmail:
    return validate_email(email, check_deliverability=False, allow_smtputf8=False)


def _parse_local(email: str) -> ValidatedEmail | None:
    try:
        # Below a public name, because the library refuses local domains for ever.
        found = _parse(email + _PUBLIC)
    except EmailNotValidError:
        return None
    labels = found.ascii_domain.removesuffix(_PUBLIC).split(".")
    return found if len(labels) == 1 or labels[-1] in SPECIAL_USE_DOMAIN_NAMES else None


def domains(value: str | None) -> str | None:
    """Check domains that are separated by commas, and return them in one form. Raises ValueError."""
    if value is None:
        return None
    names = [one.strip() for one in value.split(",") if one.strip()]
    parts = [split(f"x@{one}") for one in names]
    for one, found in zip(names, parts, strict=True):
        if found is None:
            raise ValueError(f"must have domains such as clinic.local, separated by commas, not {one}")
    return ",".join(found[1] for found in parts if found)


def masked(email: str | None) -> str | None:
    """Shorten an address so that only its owner recognizes it, because fans sometimes forward their link."""
    if email is None:
        return None
    name, _, domain = email.rpartition("@")
    return f"{name[0]}…@{domain}"
