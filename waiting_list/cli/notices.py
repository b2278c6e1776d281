"""Define the commands for e-mails and webhook deliveries."""

from pathlib import Path
from typing import Annotated

import typer

from waiting_list.cli.context import DataDir, app, configured, printable, run_with_pool, with_database
from waiting_list.i18n import LOCALES, SOURCE, spoken
from waiting_list.lists.events import EmailKind
from waiting_list.notifications import notices
from waiting_list.notifications.email_examples import example
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.models import Notice, NoticeStatus
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings
from waiting_list.telemetry import logs


@app.command()
def preview_mail(
    letter: Annotated[EmailKind, typer.Argument(help="Kind of e-mail to print.")],
    locale: Annotated[str, typer.Option(help="Language of the e-mail: en or fr, also with a region.")] = SOURCE,
    organization: Annotated[str, typer.Option(help="Id of the organization whose templates to use.")] = "demo",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the text.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.eml", help="Write the whole message to this file, and print nothing."),
    ] = None,
) -> None:
    """Print an example of an e-mail to fans.

    The data are made up, and the command needs no database.
    """
    if (language := spoken(locale)) is None:
        raise ValueError(f"There is no translation into {locale}. Choose {' or '.join(LOCALES)}.")
    settings = configured()
    logs.set_up(settings)
    message = example(EmailRenderer(settings), letter, locale=language, organization_id=organization)
    if output is not None:
        output.write_bytes(message.as_bytes())
        return
    body = message.get_body(("html" if html else "plain",))
    assert body is not None
    print(body.get_content() if html else f"{message['Subject']}\n\n{body.get_content()}", end="")


@app.command("notices")
def notices_(
    organization: Annotated[
        str | None, typer.Option(help="Only notices of this organization. By default of all.")
    ] = None,
    status: Annotated[NoticeStatus | None, typer.Option(help="Only notices with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of notices.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """List e-mails and webhook deliveries.

    The newest come first. Columns: id, status, tries, type, list, status and text of the last answer.
    """
    only = notices.NoticeFilter(status=[status] if status else None)

    async def run(pool: Pool, _: Settings) -> None:
        found = await notices.notices(pool, organization, only, limit=limit, cursor=None)
        for notice in found.items:
            print(_line(notice))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command("resend")
def resend_(
    notice_ids: Annotated[
        list[str] | None, typer.Argument(metavar="NOTICE_ID", help="Ids of the notices to send again.")
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Send all dead notices again.")] = False,
    organization: Annotated[
        str | None, typer.Option(help="Only notices of this organization. By default of any.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Let the worker send notices again. Each keeps its id. An unknown id stops the whole command."""
    if bool(notice_ids) == all_dead:
        raise ValueError("Give either the ids of notices or --all-dead.")

    async def run(pool: Pool, _: Settings) -> None:
        if notice_ids:
            sent = await notices.resend_all(pool, notice_ids, organization_id=organization)
        else:
            sent = await notices.resend_dead(pool, organization_id=organization)
        print(f"The worker will send {sent} again.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _line(notice: Notice) -> str:
    place = f"{notice.offer_id}/{notice.representation_id}" if notice.offer_id else None
    fields = (
        notice.notice_id,
        notice.status,
        notice.tries,
        notice.type,
        place,
        notice.answer_status,
        notice.answer,
    )
    line = "  ".join("-" if field is None else str(field) for field in fields)
    return printable(line)
