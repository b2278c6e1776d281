"""E-mails and webhook deliveries, from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from waiting_list import logs, resend
from waiting_list.database import Pool
from waiting_list.email_examples import example
from waiting_list.i18n import LOCALES, SOURCE
from waiting_list.letters import EmailRenderer
from waiting_list.notices import EmailKind, Notice, NoticeStatus
from waiting_list.settings import Settings
from waiting_list.terminal import DataDir, app, configured, printable, run_with_pool, with_database


@app.command()
def preview_mail(
    letter: Annotated[EmailKind, typer.Argument(help="Which e-mail.")],
    locale: Annotated[str, typer.Option(help="Its language: en or fr.")] = SOURCE,
    organization: Annotated[str, typer.Option(help="Whose templates.")] = "demo",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the text.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.eml", help="Write the whole message there instead.")
    ] = None,
) -> None:
    """Print an e-mail as fans would get it, with made-up facts. Needs no database."""
    if locale not in LOCALES:
        raise ValueError(f"There is no translation into {locale}: choose {' or '.join(LOCALES)}.")
    settings = configured()
    logs.set_up(settings)
    message = example(EmailRenderer(settings), letter, locale=locale, organization_id=organization)
    if output is not None:
        output.write_bytes(message.as_bytes())
        return
    body = message.get_body(("html" if html else "plain",))
    assert body is not None
    print(body.get_content() if html else f"{message['Subject']}\n\n{body.get_content()}", end="")


@app.command("notices")
def notices_(
    organization: Annotated[str | None, typer.Option(help="Of one organization; of all unless given.")] = None,
    status: Annotated[NoticeStatus | None, typer.Option(help="Only those that stand there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """List e-mails and webhook deliveries, the newest first: id, status, tries, type, list, last answer."""
    only = resend.NoticeFilter(status=[status] if status else None)

    async def run(pool: Pool, _: Settings) -> None:
        found = await resend.notices(pool, organization, only, limit=limit, cursor=None)
        for notice in found.items:
            print(_line(notice))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command("resend")
def resend_(
    notice_ids: Annotated[
        list[str] | None, typer.Argument(metavar="NOTICE_ID", help="What to send again.")
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="All that were given up.")] = False,
    organization: Annotated[str | None, typer.Option(help="Of one organization; of any unless given.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Have the worker send notices again, each with the id that it had. None is sent if one is unknown."""
    if bool(notice_ids) == all_dead:
        raise ValueError("Name the notices, or give --all-dead.")

    async def run(pool: Pool, _: Settings) -> None:
        if notice_ids:
            sent = await resend.resend_all(pool, notice_ids, organization_id=organization)
        else:
            sent = await resend.resend_dead(pool, organization_id=organization)
        print(f"{sent} to be sent again")

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
