"""Show the e-mails in the development folder, so that a developer sees what fans would get.

The pages exist only if `mail_folder` is set. They need no credentials, and the e-mails contain private links.
"""

import re
from email import message_from_bytes
from email.headerregistry import DateHeader
from email.message import EmailMessage
from email.policy import default
from heapq import nlargest
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from waiting_list import page_addresses as to
from waiting_list.i18n import preferred
from waiting_list.pages.rendering import render
from waiting_list.problems import NotFound
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import ToolRoute

router = APIRouter(route_class=ToolRoute, include_in_schema=False)

_SHOWN = 200
"""The most e-mails in the list."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*\.eml")
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_HEADERS_OF_A_MAIL = _HEADERS | {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
}


class Mail(NamedTuple):
    """An e-mail in its file."""

    name: str
    message: EmailMessage

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers, in their order."""
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def date(self) -> Any:
        """The `Date` header as an aware datetime; None without a valid one."""
        header = self.message["Date"]
        return header.datetime if isinstance(header, DateHeader) else None

    def body(self, kind: str) -> str:
        """Return the text (`plain`) or the `html`; empty if the e-mail has none."""
        part = self.message.get_body((kind,))
        payload = part.get_payload(decode=True) if part is not None else None
        return payload.decode(errors="replace") if isinstance(payload, bytes) else ""


@router.get(to.MAILS)
def list_mails(call: ApiRequest) -> Response:
    """List the newest e-mails, the newest first."""
    folder = _folder(call)
    names = nlargest(_SHOWN, (path.name for path in folder.glob("*.eml"))) if folder.is_dir() else []
    mails = [mail for name in names if (mail := _read(folder, name))]
    return _page(call, "mails.html", {"mails": mails, "folder": str(folder)})


@router.get(to.MAIL)
def get_mail(call: ApiRequest, name: str) -> Response:
    """Show one e-mail: headers, text, and the HTML in a frame without scripts."""
    mail = _mail(call, name)
    return _page(call, "mail.html", {"mail": mail, "text": mail.body("plain"), "html": bool(mail.body("html"))})


@router.get(to.MAIL_HTML)
def get_mail_html(call: ApiRequest, name: str) -> Response:
    """Show the HTML of one e-mail, as the fan gets it."""
    return HTMLResponse(_mail(call, name).body("html"), headers=_HEADERS_OF_A_MAIL)


def _folder(call: ApiRequest) -> Path:
    folder = call.service.settings.mail_folder
    if folder is None:
        raise NotFound("This page does not exist.")
    return folder


def _mail(call: ApiRequest, name: str) -> Mail:
    if (mail := _read(_folder(call), name)) is None:
        raise NotFound("This email does not exist.")
    return mail


def _read(folder: Path, name: str) -> Mail | None:
    """Return the e-mail; None without a file of this name, or if the name is not that of an e-mail.

    Names have no slash, so that none leads out of the folder.
    """
    if not _NAME.fullmatch(name):
        return None
    try:
        return Mail(name, message_from_bytes((folder / name).read_bytes(), policy=default))
    except OSError:
        return None


def _page(call: ApiRequest, template: str, shown: dict[str, Any]) -> HTMLResponse:
    locale = preferred(call.headers.get("accept-language"))
    return HTMLResponse(render(template, locale, call.service.settings.public_path, **shown), headers=_HEADERS)
