"""Define the commands for e-mails and webhook deliveries."""

from pathlib import Path
from typing import Annotated

import typer

from waiting_list.cli.options import AsJson, DataDir
from waiting_list.cli.output import counted, note, print_listing
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.notice_status import NoticeStatus

NOTICE_FIELDS = (
    "notice_id",
    "status",
    "tries",
    "created_at",
    "type",
    "offer_id",
    "representation_id",
    "answer_status",
    "answer",
)


def preview_mail(
    letter: Annotated[EmailKind, typer.Argument(metavar="KIND", help="Kind of e-mail to print.")],
    locale: Annotated[str, typer.Option(help="Language of the e-mail: en or fr, also with a region.")] = "en",
    organization: Annotated[str, typer.Option(help="Id of the organization whose templates to use.")] = "demo",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the text.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.eml", help="Write the whole message to this file. By default the command prints it."
        ),
    ] = None,
) -> None:
    """Print an example of an e-mail to fans.

    The data are made up, and the command needs no database.
    """
    from waiting_list.cli.context import configured
    from waiting_list.i18n import LOCALES, spoken
    from waiting_list.notifications.email_examples import example
    from waiting_list.notifications.email_rendering import EmailRenderer
    from waiting_list.telemetry import logs

    if (language := spoken(locale)) is None:
        raise ValueError(f"There is no translation into {locale}. Choose one of {', '.join(LOCALES)}.")
    settings = configured()
    logs.set_up(settings)
    message = example(EmailRenderer(settings), letter, locale=language, organization_id=organization)
    if output is not None:
        output.write_bytes(message.as_bytes())
        return
    body = message.get_body(("html" if html else "plain",))
    assert body is not None
    print(body.get_content() if html else f"{message['Subject']}\n\n{body.get_content()}", end="")


def list_notices(
    organization: Annotated[
        str | None, typer.Option(help="Only notices of this organization. By default of all.")
    ] = None,
    status: Annotated[
        NoticeStatus | None, typer.Option(help="Only notices with this status. By default with any.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of notices.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List e-mails and webhook deliveries.

    The newest come first. `answer_status` and `answer` are those of the last try.
    """
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.notifications import notices
    from waiting_list.notifications.models import Notice
    from waiting_list.postgres.pagination import Page
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    only = notices.NoticeFilter(status=[status] if status else None)

    async def run(pool: Pool, _: Settings) -> Page[Notice]:
        return await notices.notices(pool, organization, only, limit=limit, cursor=None)

    with with_database(data_dir) as settings:
        found = run_with_pool(settings, run)
    print_listing(found.items, NOTICE_FIELDS, as_json=as_json, empty="There are no such notices.")
    if found.next_cursor is not None:
        note(f"These are the newest {limit}. To see more, give a higher --limit.")


def resend_notices(
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
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.notifications import notices
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    if bool(notice_ids) == all_dead:
        raise ValueError("Give either the ids of notices or --all-dead.")

    async def run(pool: Pool, _: Settings) -> None:
        if notice_ids:
            sent = await notices.resend_all(pool, notice_ids, organization_id=organization)
        else:
            sent = await notices.resend_dead(pool, organization_id=organization)
        print(f"The worker will send {counted(sent, 'notice')} again.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
