"""Make examples of e-mails, so that organizers can look at their templates before they use them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer

EXAMPLE_ID = UUID("00000000-0000-4000-8000-000000000001")


def example(
    renderer: EmailRenderer, kind: EmailKind, *, locale: str, organization_id: str = "demo"
) -> EmailMessage:
    """Return an example of an e-mail, to try a template with."""
    if kind is EmailKind.WEBHOOK_DISABLED:
        return renderer.render_webhook_disabled(
            "ada@example.org",
            url="https://shop.example/hooks",
            reason="410 Gone",
            since=datetime(2030, 11, 17, 8, tzinfo=UTC),
            notice_id=EXAMPLE_ID,
            locale=locale,
        )
    return renderer.render(
        kind, example_context(kind, locale=locale, organization_id=organization_id), notice_id=EXAMPLE_ID
    )


def example_context(  # noqa: PLR0911 - one for each kind
    kind: EmailKind, *, locale: str, organization_id: str = "demo"
) -> EmailContext:
    """Return the context of an example: a fan, an event, and the facts for this kind of e-mail."""
    link = "https://tickets.example/p/Zx4kq0Yw3mB7cN2vT9sR1dF6gH8jL5aQ"
    context = EmailContext(
        organization_id=organization_id,
        locale=locale,
        email="ada@example.org",
        email_verified=kind is not EmailKind.VERIFY,
        name="Ada",
        event_title="Jazz on the Quay",
        offer_name="General admission",
        venue_name="Le Quai Couvert",
        venue_address="12 quai des Tanneurs, Paris",
        timezone="Europe/Paris",
        start_datetime=datetime(2030, 11, 29, 19, 30, tzinfo=UTC),
        number=1042,
        position=17,
        tickets_ahead=31,
        tickets_wanted=4,
        tickets_minimum=2,
        link=link,
        unsubscribe_link=f"{link}/unsubscribe",
        calendar_link=f"{link}/calendar.ics",
        proof_link=f"{link}#proof",
    )
    match kind:
        case EmailKind.READY | EmailKind.REMINDER | EmailKind.EXTENDED:
            until = datetime(2030, 11, 20, 17, tzinfo=UTC) + timedelta(minutes=30)
            return replace(
                context,
                position=None,
                tickets_ahead=None,
                tickets_held=2,
                ready_until=until,
                buy_link="https://shop.example/buy?pass=eyJhbGciOi",
            )
        case EmailKind.TRANSFER_OFFERED | EmailKind.TRANSFERRED:
            until = datetime(2030, 11, 20, 17, tzinfo=UTC) + timedelta(days=2)
            offer = "https://tickets.example/transfers/Zx4kq0Yw3mB7cN2vT9sR1dF6gH8jL5aQ"
            return replace(
                context, name=None, offered_until=until, link=offer, calendar_link=None, proof_link=None
            )
        case EmailKind.CHANGED:
            return replace(context, start_datetime_before=datetime(2030, 11, 28, 19, 30, tzinfo=UTC))
        case EmailKind.VERIFY | EmailKind.JOINED:
            return replace(context, verify_link=f"{link}/verify?code=Qm9uam91ciBBZGEh")
        case EmailKind.MESSAGE:
            said = "The doors open at 19:00, half an hour earlier than planned."
            return replace(context, message_subject="Doors open earlier", message_lines=(said,))
        case EmailKind.SIGN_IN | EmailKind.MEMBER_LINK:
            return EmailContext(
                organization_id=organization_id,
                locale=locale,
                email="ada@example.org",
                link="https://tickets.example/sign-in/Zx4kq0Yw3mB7cN2vT9sR1dF6gH8jL5aQ",
            )
        case _:
            return context
