"""The dashboard page of the organization: its name, its replies, whom fans can ask, and what holds for it."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.i18n import LOCALES
from waiting_list.notifications import organizations
from waiting_list.notifications.organizations import OrganizationChange
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_LINES = ("sender_name", "reply_to", "contact")


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
    lines = {name: form.get(name, "").strip() or None for name in _LINES}
    lines["personal_data_kept_days"] = form.get("personal_data_kept_days", "").strip() or None
    longest = call.service.settings.personal_data_kept
    try:
        changes = OrganizationChange.model_validate(lines | {"footer": footer})
        await organizations.change(call.pool, call.organization_id, changes, longest_kept=longest)
    except ValidationError as error:
        fields = ["_".join(str(part) for part in one["loc"][:2]) for one in error.errors()]
        return await _organization_page(call, status=422, errors=dict.fromkeys(fields, ""))
    except InvalidRequest:
        return await _organization_page(call, status=422, errors={"personal_data_kept_days": ""})
    return go_to(f"{to.SETTINGS}?done=organization")


async def _organization_page(
    call: PageRequest, *, status: int = 200, errors: dict[str, str] | None = None
) -> Response:
    found = await organizations.organization(call.pool, call.organization_id)
    shown: dict[str, Any] = {name: getattr(found, name) or "" for name in _LINES}
    shown["personal_data_kept_days"] = found.personal_data_kept_days or ""
    shown |= {f"footer_{locale}": found.footer.get(locale, "") for locale in LOCALES}
    return dashboard_page(
        call,
        "dashboard_organization.html",
        status=status,
        form=shown | dict(getattr(call, "sent", {})),
        errors=errors or {},
        done="done" in call.query_params,
        locales=LOCALES,
        most_kept_days=_days(call.service.settings.personal_data_kept),
        kept_days=found.personal_data_kept_days,
    )


def _days(kept: timedelta | None) -> float | None:
    """Return the days of a period: a whole number, where it is one."""
    if kept is None:
        return None
    days = kept / timedelta(days=1)
    return int(days) if days.is_integer() else days
