"""The choice of a language."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.i18n import LOCALES
from waiting_list.pages.forms import local, read_form
from waiting_list.pages.page import LANGUAGE_COOKIE, YEAR_SECONDS, PageRequest, PageRoute, go_to

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(to.LANGUAGE)
async def choose_language(call: PageRequest) -> Response:
    """Store the chosen language in a cookie, and return to the page of the form."""
    form = await read_form(call)
    answer = go_to(local(form.get("next")))
    if (locale := form.get("locale")) in LOCALES:
        call.set_cookie(answer, LANGUAGE_COOKIE, str(locale), max_age=YEAR_SECONDS)
    return answer
