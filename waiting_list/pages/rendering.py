"""Render the templates of pages, with their addresses as browsers know them."""

import re
from typing import Any

from waiting_list import page_addresses as to
from waiting_list.fields import Locale
from waiting_list.i18n import environment
from waiting_list.pages.static_files import static

ADDRESS_ATTRIBUTES = (
    "action",
    "buy-href",
    "data-changes",
    "data-live",
    "data-passkey",
    "data-search-in",
    "data-script",
    "data-solver",
    "data-worker",
    "href",
    "src",
)
"""The attributes of the templates in which browsers and scripts find addresses."""
_OWN_ADDRESS = re.compile(rf'\s(?:{"|".join(ADDRESS_ATTRIBUTES)})="(?=/(?!/))')
"""The start of an attribute with an address of this service. Text of users cannot contain it, because templates
escape quotes."""


def render(template: str, locale: Locale, public_path: str, **shown: Any) -> str:
    """Render a template of `pages/templates`. It also gets `static` and `to` (page_addresses.py).

    Templates and handlers know addresses without the path of the public address, such as `/waiting`. This function
    puts it in front of each, and web/public_path.py does so for redirects. So neither can be forgotten.
    """
    html = environment(locale).get_template(f"pages/{template}").render({"static": static, "to": to} | shown)
    return _OWN_ADDRESS.sub(rf"\g<0>{public_path}", html) if public_path else html
