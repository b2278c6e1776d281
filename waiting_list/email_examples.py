"""Example e-mails with made-up facts, for organizers who write their own templates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from waiting_list.letters import Facts, Letters
from waiting_list.notices import Letter

_EXAMPLE_ID = UUID("00000000-0000-4000-8000-000000000001")


def example(letters: Letters, letter: Letter, *, locale: str, organization_id: str = "demo") -> EmailMessage:
    """The letter with made-up facts, to try a template with."""
    if letter is Letter.WEBHOOK_DISABLED:
        return letters.write_webhook_disabled(
            "ada@example.org",
            url="https://shop.example/hooks",
            reason="410 Gone",
            since=datetime(2030, 11, 17, 8, tzinfo=UTC),
            notice_id=_EXAMPLE_ID,
            locale=locale,
        )
    return letters.write(
        letter, example_facts(letter, locale=locale, organization_id=organization_id), notice_id=_EXAMPLE_ID
    )


def example_facts(letter: Letter, *, locale: str, organization_id: str = "demo") -> Facts:
    """A fan, an event, and what the letter is about."""
    link = "https://tickets.example/p/Zx4kq0Yw3mB7cN2vT9sR1dF6gH8jL5aQ"
    facts = Facts(
        organization_id=organization_id,
        locale=locale,
        email="ada@example.org",
        email_verified=letter is not Letter.VERIFY,
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
    )
    match letter:
        case Letter.READY | Letter.REMINDER:
            until = datetime(2030, 11, 20, 17, tzinfo=UTC) + timedelta(minutes=30)
            return replace(
                facts, tickets_held=2, ready_until=until, buy_link="https://shop.example/buy?pass=eyJhbGciOi"
            )
        case Letter.VERIFY | Letter.JOINED:
            return replace(facts, verify_link=f"{link}/verify?code=Qm9uam91ciBBZGEh")
        case Letter.SIGN_IN:
            return Facts(
                organization_id=organization_id,
                locale=locale,
                email="ada@example.org",
                link="https://tickets.example/sign-in/Zx4kq0Yw3mB7cN2vT9sR1dF6gH8jL5aQ",
            )
        case _:
            return facts
