"""The dashboard page of the organization: its name, its replies, whom fans can ask, and what holds for it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list import pictures
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, spoken_of
from waiting_list.notifications import organizations
from waiting_list.notifications.organizations import OrganizationChange
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, Unavailable

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_LINES = ("sender_name", "reply_to", "contact")
_OURS = "#1b4f9c"
"""The colour that the form begins with."""


@router.get(to.SETTINGS)
async def show_organization(call: PageRequest) -> Response:
    """Show what the organization says of itself, with the form to change it."""
    return await _organization_page(call)


@router.post(to.SETTINGS)
async def change_organization(call: PageRequest) -> Response:
    """Change what the organization says of itself. An empty field removes it."""
    form = call.sent
    kept = await organizations.organization(call.pool, call.organization_id)
    # Footers in languages that the form does not show stay.
    footer = {tag: text for tag, text in kept.footer.items() if tag not in LOCALES}
    for locale in LOCALES:
        if text := form.get(f"footer_{locale}", "").strip():
            footer[locale] = text.replace("\r\n", "\n")
    lines: dict[str, Any] = {name: form.get(name, "").strip() or None for name in _LINES}
    lines["personal_data_kept_days"] = _number(form.get("personal_data_kept_days", "").strip())
    longest = call.service.settings.personal_data_kept
    # Whoever picks another colour means it, also without the tick.
    is_chosen = "has_accent" in form or form.get("accent", _OURS) not in (_OURS, kept.accent)
    lines["accent"] = form.get("accent", "") if is_chosen else None
    lines |= {"footer": footer, "languages": _languages(form)}
    try:
        changes = OrganizationChange.model_validate(lines)
        await organizations.change(call.pool, call.organization_id, changes, longest_kept=longest)
    except ValidationError as error:
        wrong = {"_".join(str(part) for part in one["loc"][:2]): one["msg"] for one in error.errors()}
        return await _organization_page(call, status=422, errors=wrong)
    except InvalidRequest:
        return await _organization_page(call, status=422, errors={"personal_data_kept_days": ""})
    return go_to(f"{to.SETTINGS}?done=organization")


@router.post(to.LOGO)
async def change_logo(call: PageRequest) -> Response:
    """Take an uploaded logo, or remove the present one."""
    try:
        picture = None if "remove" in call.sent else await pictures.logo(call.files.get("file", b""))
        kept = await call.service.images.keep(call.organization_id, picture)
    except pictures.NoPicture as refusal:
        return await _organization_page(call, status=422, errors={"logo": refusal.why})
    except Unavailable as outage:
        return await _organization_page(call, status=outage.status, errors={"logo": outage.code})
    await call.service.images.set_logo(call.organization_id, kept)
    return go_to(f"{to.SETTINGS}?done={'logo' if picture else 'no-logo'}")


@router.get(to.LOGO)
async def show_organization_again(call: PageRequest) -> Response:  # noqa: ARG001 - the signature of a handler
    """Redirect a reload of a refused logo to the page."""
    return go_to(to.SETTINGS)


async def _organization_page(
    call: PageRequest, *, status: int = 200, errors: dict[str, str] | None = None
) -> Response:
    found = await organizations.organization(call.pool, call.organization_id)
    shown: dict[str, Any] = {name: getattr(found, name) or "" for name in _LINES}
    shown["personal_data_kept_days"] = found.personal_data_kept_days or ""
    shown |= {"accent": found.accent or _OURS, "has_accent": "yes" if found.accent else ""}
    offered = spoken_of(found.languages)
    shown |= {f"language_{one}": "yes" for one in offered} | {"first_language": offered[0]}
    shown |= {f"footer_{locale}": found.footer.get(locale, "") for locale in LOCALES}
    return dashboard_page(
        call,
        "dashboard_organization.html",
        status=status,
        form=_after(shown, getattr(call, "sent", {}), errors or {}),
        errors=errors or {},
        done=call.query_params.get("done"),
        look=found.look,
        locales=LOCALES,
        most_kept_days=_days(call.service.settings.personal_data_kept),
        kept_days=found.personal_data_kept_days,
    )


def _languages(form: Mapping[str, str]) -> list[Locale] | None:
    """Return the chosen languages, the first one first; None for all of them in our order, and for none."""
    chosen = [one for one in LOCALES if f"language_{one}" in form]
    chosen.sort(key=lambda one: one != form.get("first_language"))
    return None if chosen in ([], [*LOCALES]) else chosen


def _number(text: str) -> int | str | None:
    """Return the number in a field; what is none as it is, to be refused; None for an empty field."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text or None


def _days(kept: timedelta | None) -> float | None:
    """Return the days of a period: a whole number, where it is one."""
    if kept is None:
        return None
    days = kept / timedelta(days=1)
    return int(days) if days.is_integer() else days


def _after(shown: dict[str, Any], sent: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form shows: after a refusal, what was sent; a box that was not ticked is not sent."""
    if not sent or "logo" in errors:
        return shown
    unticked = {"has_accent", *(f"language_{one}" for one in LOCALES)}
    return shown | dict.fromkeys(unticked, "") | dict(sent)
