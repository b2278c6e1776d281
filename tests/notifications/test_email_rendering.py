"""The texts of e-mails: in both languages, with any text of fans and organizers, and with their own templates."""

import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any
from uuid import UUID, uuid4

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import SecurityError
from structlog.testing import capture_logs

from tests.processes.test_cli import command
from waiting_list.i18n import (
    LOCALES,
    environment,
    known,
    preferred,
    shown_duration,
    shown_estimate,
    shown_instant,
    translations,
)
from waiting_list.lists.events import EmailKind
from waiting_list.notifications.email_examples import example, example_context
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer
from waiting_list.settings import Settings

PACKAGE = Path(__file__).parent.parent.parent / "waiting_list"
NOTICE = UUID("6e2f4a56-54a8-4d5c-9f0a-0c1f5b1f7a11")
TO_FANS = [kind for kind in EmailKind if kind not in (EmailKind.WEBHOOK_DISABLED, EmailKind.MEMBER_LINK)]
HOSTILE = [
    'Ada "Countess" <ada@evil.example>, Bob',
    "Ada\r\nBcc: everybody@example.org",
    "Ada\nSubject: other\n\nbody",
    "Ada\x00\x0b\x1b[31m\x85\u2028\u2029",
    "\u202eada\u2066\u200f",
    "=?utf-8?q?=0d=0aBcc:_x@example.org?=",
    "Zoë 太鼓の夜 🎷 " * 20,
    "a" * 2000,
    "(comment) \\ ; : [x]",
    "x\ud800",
    "=?utf-8?b?DQpCY2M6IHhAZXhhbXBsZS5vcmc=?=",
    "=\x00?utf-8?q?=0d=0aBcc:_x@example.org?=",
    "-- ",
    "{{ 7 * 7 }}{% raw %}",
    "%(event)s %s %",
]


class Parsed(HTMLParser):
    """The tags, links and words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: dict[str, str] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "a":
            self._href = dict(attributes)["href"] or ""
            self.links[self._href] = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags and self.tags[-1] == "a" and not self.links[self._href]:
            self.links[self._href] = data


def shown_by(page: Parsed) -> str:
    """What the form about leaving says that its reader has seen."""
    values = [value for name, value in page.attributes if name == "value"]
    (shown,) = [value for value in values if value and re.fullmatch(r"\d+ (waiting|ready)( \d+)?", value)]
    return shown


@pytest.fixture
def renderer() -> EmailRenderer:
    return EmailRenderer(Settings(public_url="https://queue.example", mail_from="The Quay <tickets@quay.example>"))


def context(kind: EmailKind = EmailKind.READY, **changes: Any) -> EmailContext:
    return replace(example_context(kind, locale="en"), **changes)


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """What is read after the message has travelled."""
    travelled = message_from_bytes(message.as_bytes(), policy=default)
    body = travelled.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\u202f", " ").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("kind", "changes", "said", "unsaid"),
    [
        (
            EmailKind.JOINED,
            {"verify_link": None},
            [
                "Your place in line: 17.",
                "Tickets wanted ahead of you: 31.",
                "as few as 2",
                "See my place in line",
            ],
            ["confirm"],
        ),
        (EmailKind.JOINED, {"position": 1, "tickets_ahead": 0}, ["You are next in line."], ["ahead of you"]),
        (EmailKind.JOINED, {"tickets_minimum": 4}, ["You asked for 4 tickets."], ["as few as"]),
        (EmailKind.JOINED, {}, ["First, please confirm", "Confirm my address"], []),
        (
            EmailKind.READY,
            {},
            [
                "2 tickets are held for you until Wednesday, 20 November 2030 at 18:30 (Paris time).",
                "After that, it is the next fan",
                "You asked for 4 and said fewer would do: 2 are available.",
                "Buy now",
                "Release my tickets",
                "Friday, 29 November 2030 at 20:30 (Paris time)",
                "General admission",
                "Le Quai Couvert",
                "12 quai des Tanneurs, Paris",
            ],
            ["Go to my page"],
        ),
        (
            EmailKind.READY,
            {"ready_until": None, "tickets_held": 1, "tickets_wanted": 1, "buy_link": None},
            ["1 ticket is held for you.", "Go to my page"],
            ["until", "After that", "You asked", "Buy now"],
        ),
        (
            EmailKind.REMINDER,
            {},
            ["2 tickets are held for you until", "Buy now", "Release my tickets"],
            ["You asked"],
        ),
        (EmailKind.REVOKED, {}, ["the organizer had to take back", "your place in line: 17."], ["Buy now"]),
        (EmailKind.EXPIRED, {}, ["You are no longer on the waiting list."], ["number", "back in line"]),
        (
            EmailKind.EXPIRED,
            {"requeued": True},
            ["You are back in line, at the end, with number 1,042."],
            ["no longer"],
        ),
        (EmailKind.ENDED, {}, ["The waiting list has ended"], ["See my place"]),
        (EmailKind.REMOVED, {}, ["The organizer has removed you"], ["See my place"]),
        (EmailKind.VERIFY, {}, ["waiting list for Jazz on the Quay", "Confirm my address"], ["Your place"]),
    ],
)
def test_a_letter_says_what_is_true_and_nothing_else(
    renderer: EmailRenderer, kind: EmailKind, changes: dict[str, Any], said: list[str], unsaid: list[str]
) -> None:
    message = renderer.render(kind, context(kind, **changes), notice_id=NOTICE)
    for shown in (text_of(message), Parsed(text_of(message, "html")).text):
        assert [words for words in said if words.lower() not in shown.lower()] == []
        assert [words for words in unsaid if words.lower() in shown.lower()] == []


@pytest.mark.parametrize("kind", TO_FANS)
def test_the_text_has_no_gaps_where_something_is_not_known(renderer: EmailRenderer, kind: EmailKind) -> None:
    bare = EmailContext(
        organization_id="demo", locale="en", email="ada@example.org", event_title="Jazz", requeued=True
    )
    if kind in (EmailKind.TRANSFER_OFFERED, EmailKind.TRANSFERRED):
        bare = replace(bare, number=42, offered_until=context(EmailKind.TRANSFER_OFFERED).offered_until)
    for shown in (bare, context(kind), replace(context(kind), link=None, verify_link=None, position=None)):
        text = text_of(renderer.render(kind, shown, notice_id=NOTICE))
        assert text.startswith("Hello")
        assert "\n\n\n" not in text
        assert "None" not in text + text_of(renderer.render(kind, shown, notice_id=NOTICE), "html")


@pytest.mark.parametrize("kind", TO_FANS)
def test_text_and_html_lead_to_the_same_places(renderer: EmailRenderer, kind: EmailKind) -> None:
    message = renderer.render(kind, context(kind), notice_id=NOTICE)
    links = Parsed(text_of(message, "html")).links
    assert set(links) == set(re.findall(r"https?://\S+", text_of(message)))
    assert (context().unsubscribe_link in links) == (kind is not EmailKind.SIGN_IN)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", list(EmailKind))
def test_the_html_can_be_read_by_everybody_and_asks_for_nothing(
    renderer: EmailRenderer, kind: EmailKind, locale: str
) -> None:
    html = text_of(example(renderer, kind, locale=locale), "html")
    page = Parsed(html)
    assert html.startswith("<!doctype html>")
    assert ("lang", locale) in page.attributes
    assert [page.tags.count(tag) for tag in ("h1", "title", "main")] == [1, 1, 1]
    assert all(len(words) > 5 for words in page.links.values()), page.links
    assert not {"img", "script", "link", "iframe", "form", "object", "svg"} & set(page.tags)
    assert "prefers-color-scheme: dark" in html
    assert not re.search(r"url\(|@import|src=", html)


def test_a_webhook_that_was_given_up_is_told_to_its_organizer(renderer: EmailRenderer) -> None:
    for locale, words in ((None, "A webhook has been disabled"), ("fr", "Un webhook a été désactivé")):
        message = renderer.render_webhook_disabled(
            "ops@shop.example",
            url="https://shop.example/hook?a=1&b=<2>",
            reason="410\r\nGone <b>",
            since=datetime(2030, 1, 2, 3, 4, tzinfo=UTC),
            notice_id=NOTICE,
            locale=locale,
        )
        assert message["Subject"] == words
        assert message["To"] == "ops@shop.example"
        assert "List-Unsubscribe" not in message
        for text in (text_of(message), Parsed(text_of(message, "html")).text):
            assert "https://shop.example/hook?a=1&b=<2>" in text
            assert "410 Gone <b>" in text
            assert "2030" in text


def test_the_headers_are_those_of_a_letter_from_a_machine(renderer: EmailRenderer) -> None:
    message = renderer.render(EmailKind.READY, context(locale="fr-CA"), notice_id=NOTICE)
    sent = message_from_bytes(message.as_bytes(), policy=default)
    assert sent["From"] == "The Quay <tickets@quay.example>"
    assert sent["To"] == "Ada <ada@example.org>"
    assert sent["Subject"] == "C\u2019est votre tour\u00a0: 2 billets, Jazz on the Quay"
    assert sent["Message-ID"] == f"<{NOTICE}@queue.example>"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Content-Language"] == "fr"
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent.get_content_type() == "multipart/alternative"
    assert abs(sent["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]
    assert b"\n" not in message.as_bytes().replace(b"\r\n", b"")
    assert message.as_bytes().isascii()


def test_a_long_unsubscribe_link_stays_whole(renderer: EmailRenderer) -> None:
    link = f"https://queue.example/p/{'x' * 300}/unsubscribe"
    message = renderer.render(EmailKind.JOINED, context(unsubscribe_link=link), notice_id=NOTICE)
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in message.as_bytes()


def test_who_cannot_unsubscribe_is_not_told_so(renderer: EmailRenderer) -> None:
    message = renderer.render(EmailKind.VERIFY, context(unsubscribe_link=None), notice_id=NOTICE)
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post"} & set(message)
    assert "Stop emails" not in text_of(message) + text_of(message, "html")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["name", "event_title", "offer_name", "venue_name", "venue_address"])
def test_nothing_written_by_others_breaks_headers_layout_or_markup(
    renderer: EmailRenderer, field: str, hostile: str
) -> None:
    plain = renderer.render(EmailKind.READY, context(), notice_id=NOTICE)
    message = renderer.render(EmailKind.READY, context(**{field: hostile}), notice_id=NOTICE)
    sent = message_from_bytes(message.as_bytes(), policy=default)
    assert sent.keys() == plain.keys()
    assert [one.addr_spec for one in sent["To"].addresses] == ["ada@example.org"]
    assert not sent.defects
    text, html = text_of(message), text_of(message, "html")
    assert text.count("\n") == text_of(plain).count("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200f]", text + html)
    assert Parsed(html).tags == Parsed(text_of(plain, "html")).tags
    assert max(map(len, text.splitlines())) < 400
    assert text.splitlines().count("-- ") == 1
    assert len(str(sent["Subject"])) <= 200
    assert all(len(line) <= 998 for line in message.as_bytes().split(b"\r\n"))


@given(name=st.text(max_size=150), title=st.text(max_size=250))
def test_no_name_or_title_adds_a_header_or_a_receiver(name: str, title: str) -> None:
    renderer = EmailRenderer(Settings())
    message = renderer.render(EmailKind.READY, context(name=name, event_title=title), notice_id=NOTICE)
    sent = message_from_bytes(message.as_bytes(), policy=default)
    assert sent.keys() == renderer.render(EmailKind.READY, context(), notice_id=NOTICE).keys()
    assert [one.addr_spec for one in sent["To"].addresses] == ["ada@example.org"]
    assert text_of(message).endswith("/unsubscribe\n")


@pytest.mark.parametrize(
    "address",
    ["", "ada", "a@b@c.example", "ada@example.org\r\nBcc: x@example.org", "a b@example.org", "<a@example.org>"],
)
def test_what_is_no_address_is_not_written_to(renderer: EmailRenderer, address: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        renderer.render(EmailKind.READY, context(email=address), notice_id=NOTICE)


def test_an_international_domain_travels_in_its_encoded_form(renderer: EmailRenderer) -> None:
    message = renderer.render(EmailKind.READY, context(email="ada@bücher.example"), notice_id=NOTICE)
    assert message["To"].addresses[0].addr_spec == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://x.example/\r\nX: y", 'https://x.example/" onclick="', ""]
)
def test_a_link_that_does_not_lead_to_the_web_is_left_out(renderer: EmailRenderer, link: str) -> None:
    changed = context(buy_link=link, unsubscribe_link=link)
    message = renderer.render(EmailKind.READY, changed, notice_id=NOTICE)
    html = text_of(message, "html")
    assert "Go to my page" in html
    assert "Stop emails" not in html
    assert "List-Unsubscribe" not in message
    assert "onclick=" not in {name for name, _ in Parsed(html).attributes}


@pytest.mark.parametrize("sender", ["", "nobody", "a@b\r\nBcc: x@example.org", "é@example.org", "a b <a b@c>"])
def test_a_sender_that_is_no_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ValueError, match="mail_from"):
        EmailRenderer(Settings(mail_from=sender))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://[::1]:8000", "[::1]"),
        ("https://Bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_message_id_ends_with_the_host_of_the_service(url: str, host: str) -> None:
    message = EmailRenderer(Settings(public_url=url)).render(EmailKind.READY, context(), notice_id=NOTICE)
    assert f"\r\nMessage-ID: <{NOTICE}@{host}>\r\n".encode() in message.as_bytes()


# An organizer's own templates.


def own(folder: Path, **files: str) -> EmailRenderer:
    """Letters with these templates for the organization `acme`."""
    (folder / "acme" / "mail").mkdir(parents=True)
    for name, text in files.items():
        (folder / "acme" / "mail" / name.replace("__", ".")).write_text(text)
    return EmailRenderer(Settings(template_folder=folder))


def test_an_organization_replaces_single_templates_and_the_layout(tmp_path: Path) -> None:
    renderer = own(
        tmp_path,
        ready__txt="Subject: Ours for {{ name }}\n\n{{ tickets_held }} of {{ event_title }}",
        _layout__html="<title>{% block title %}{% endblock %}</title>ACME{% block body %}{% endblock %}",
    )
    message = renderer.render(EmailKind.READY, context(organization_id="acme", name="<Ada>"), notice_id=NOTICE)
    assert message["Subject"] == "Ours for <Ada>"
    assert text_of(message) == "2 of Jazz on the Quay\n"
    assert text_of(message, "html").startswith("<title>It is your turn</title>ACME")
    ended = renderer.render(EmailKind.ENDED, context(organization_id="acme"), notice_id=NOTICE)
    assert "ACME" in text_of(ended, "html")
    assert "The waiting list has ended" in text_of(ended)
    other = renderer.render(EmailKind.READY, context(organization_id="other"), notice_id=NOTICE)
    assert other["Subject"] == "It is your turn: 2 tickets for Jazz on the Quay"
    assert "ACME" not in text_of(other, "html")


@pytest.mark.parametrize(
    "template",
    [
        "Subject: {{ nothing }}",
        "Subject: {% if %}",
        "no subject",
        "",
        "Subject: {{ 1 // 0 }}",
        "Subject: {{ {}[[name]] }}",
        "Subject: {{ event_title.index(name ~ email) }}",
        "Subject: {{ email.encode('ascii').decode('utf-16') }}",
        "Subject: {{ ''.__class__.__mro__ }}",
        "Subject: {{ name.__init__.__globals__ }}",
        "Subject: {% include '../../other/mail/secret.txt' %}",
        "Subject: {% include '/etc/hostname' %}",
        "Subject: {{ event_title.format(1, 2) ~ '{0.__class__}'.format(1) }}",
        "Subject: {{ range(10000000) | list | length }}",
        "Subject: {{ self._TemplateReference__context.environment }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_gives_way_to_ours_and_is_logged_once(
    tmp_path: Path, template: str
) -> None:
    (tmp_path / "other" / "mail").mkdir(parents=True)
    (tmp_path / "other" / "mail" / "secret.txt").write_text("secret")
    renderer = own(tmp_path, ready__txt=template)
    with capture_logs() as logged:
        for _ in range(3):
            message = renderer.render(EmailKind.READY, context(organization_id="acme"), notice_id=NOTICE)
            assert message["Subject"] == "It is your turn: 2 tickets for Jazz on the Quay"
            assert "2 tickets are held" in text_of(message)
    assert [(one["event"], one["organization_id"], one["letter"]) for one in logged] == [
        ("template_failing", "acme", "ready")
    ]
    assert "Ada" not in str(logged)


def test_templates_cannot_change_what_the_next_mail_is_written_from(tmp_path: Path) -> None:
    template = environment("en").from_string("{{ names.append(1) }}")
    with pytest.raises(SecurityError):
        template.render(names=[])
    with pytest.raises(SecurityError):
        environment("en").from_string("{{ ''.__class__.__mro__ }}").render()


@pytest.mark.parametrize(
    "organization_id", ["..", ".", "", "a/b", "../acme", "/", "acme\x00", "é" * 200, "%2e%2e"]
)
def test_no_organization_id_leads_out_of_the_folder_or_into_another(tmp_path: Path, organization_id: str) -> None:
    stolen = "Subject: stolen\n\nstolen"
    inner = tmp_path / "templates"
    own(inner, ready__txt=stolen)
    for folder in (tmp_path / "mail", inner / "mail", inner / "a" / "b" / "mail"):
        folder.mkdir(parents=True)
        (folder / "ready.txt").write_text(stolen)
    renderer = EmailRenderer(Settings(template_folder=inner))
    message = renderer.render(EmailKind.READY, context(organization_id=organization_id), notice_id=NOTICE)
    assert message["Subject"] == "It is your turn: 2 tickets for Jazz on the Quay"


def test_an_id_with_a_slash_has_its_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a%2Fb" / "mail"
    folder.mkdir(parents=True)
    (folder / "ready.txt").write_text("Subject: theirs\n\n")
    renderer = EmailRenderer(Settings(template_folder=tmp_path))
    assert (
        renderer.render(EmailKind.READY, context(organization_id="a/b"), notice_id=NOTICE)["Subject"] == "theirs"
    )


def test_templates_are_compiled_once() -> None:
    assert environment("fr") is environment("fr")
    assert environment("fr").get_template("mail/ready.txt") is environment("fr").get_template("mail/ready.txt")


# Languages.


def messages() -> dict[str, tuple[str, ...]]:
    """Every message of the templates and of the code, with its plural."""
    methods = [("**/templates/**", "jinja2"), ("**.py", "python")]
    options = {"**/templates/**": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}}
    found = extract_from_dir(PACKAGE, methods, options)
    singles = [message if isinstance(message, tuple) else (message,) for _, _, message, _, _ in found]
    return {one[0]: one for one in singles}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text)) | {name for _, name, _, _ in Formatter().parse("") if name}


@pytest.mark.parametrize("locale", [one for one in LOCALES if one != "en"])
def test_every_message_is_translated_and_keeps_its_placeholders(locale: str) -> None:
    with (PACKAGE / "locales" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    found = messages()
    assert len(found) > 50
    translated = {(one.id if isinstance(one.id, str) else one.id[0]): one for one in catalogue if one.id}
    assert translated.keys() == found.keys(), "make messages"
    for one, forms in found.items():
        entry = translated[one]
        assert not entry.fuzzy, one
        strings = [entry.string] if isinstance(entry.string, str) else list(entry.string)
        assert len(strings) == (catalogue.num_plurals if len(forms) > 1 else 1), one
        wanted = set().union(*map(placeholders, forms))
        for string in strings:
            assert string.strip(), one
            assert placeholders(string) == wanted, one
            assert "%" not in re.sub(r"%\(\w+\)s", "", string), one


@pytest.mark.parametrize("kind", list(EmailKind))
def test_a_french_letter_has_no_english_in_it(renderer: EmailRenderer, kind: EmailKind) -> None:
    message = example(renderer, kind, locale="fr")
    shown = text_of(message) + Parsed(text_of(message, "html")).text + str(message["Subject"])
    assert not re.search(
        r"\b(the|you|your|is|are|tickets?|waiting)\b", re.sub(r"Jazz on the Quay|https://\S+", "", shown)
    )


def test_a_language_that_is_not_spoken_is_english() -> None:
    for tag, locale in (("fr", "fr"), ("fr-CA", "fr"), ("FR_be", "fr"), ("nl", "en"), (None, "en"), ("", "en")):
        assert known(tag) == locale
    message = EmailRenderer(Settings()).render(EmailKind.READY, context(locale="nl"), notice_id=uuid4())
    assert message["Content-Language"] == "en"
    assert translations("en").gettext("Hello,") == "Hello,"
    assert translations("fr").gettext("Hello,") == "Bonjour,"


@pytest.mark.parametrize(
    ("asked", "locale"),
    [
        (None, "en"),
        ("fr", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.4, fr;q=0.5", "fr"),
        ("nl, fr;q=0.2, *;q=0.1", "fr"),
        ("*, fr;q=0.2", "en"),
        ("fr;q=0", "en"),
        ("fr;q=nonsense", "en"),
        ("fr;q=nan", "en"),
        ("fr;q=2", "en"),
        (",;,=;q=", "en"),
    ],
)
def test_a_browser_is_answered_in_the_language_it_likes_best(asked: str | None, locale: str) -> None:
    assert preferred(asked) == locale


@pytest.mark.parametrize(
    ("minutes", "english", "french"),
    [
        (0.9, "0 minutes", "0 minute"),
        (1, "1 minute", "1 minute"),
        (150.5, "2 hours 30 minutes", "2 heures 30 minutes"),
        (60, "1 hour", "1 heure"),
        (24 * 60 + 1, "1 day", "1 jour"),
        (49 * 60 + 59, "2 days 1 hour", "2 jours 1 heure"),
        (-5, "0 minutes", "0 minute"),
    ],
)
def test_a_duration_never_promises_more_than_there_is(minutes: float, english: str, french: str) -> None:
    value = timedelta(minutes=minutes)
    assert shown_duration(value, locale="en") == english
    assert shown_duration(value, locale="fr").replace("\u00a0", " ") == french


@pytest.mark.parametrize(
    ("earliest", "latest", "english", "french"),
    [
        (28, None, "28 hours", "28 heures"),
        (48, None, "2 days", "2 jours"),
        (1, None, "60 minutes", "60 minutes"),
        (0, None, "1 minute", "1 minute"),
        (44, 111, "2 to 5 days", "2 à 5 jours"),
        (20, 72, "1 to 3 days", "1 à 3 jours"),
        (5, 72, "5 hours to 3 days", "5 heures à 3 jours"),
        (0.25, 3, "15 minutes to 3 hours", "15 minutes à 3 heures"),
        (47, 49, "2 days", "2 jours"),
        (26, 47, "26 to 47 hours", "26 à 47 heures"),
        (0, 0.001, "1 minute", "1 minute"),
        (24_000, 240_000, "1,000 to 10,000 days", "1\u202f000 à 10\u202f000 jours"),
    ],
)
def test_an_estimate_is_rounded_to_one_unit(
    earliest: float, latest: float | None, english: str, french: str
) -> None:
    hours = timedelta(hours=1)
    both = (earliest * hours, None if latest is None else latest * hours)
    assert shown_estimate(*both, locale="en") == english
    assert shown_estimate(*both, locale="fr").replace("\u00a0", " ") == french


@pytest.mark.parametrize(
    ("timezone", "english", "french"),
    [
        ("Europe/Paris", "20:30 (Paris time)", "20:30 (heure locale, Paris)"),
        ("America/New_York", "14:30 (New York time)", "14:30 (heure locale, New York)"),
        ("Europe/London", "19:30 (London time)", "19:30 (heure locale, Londres)"),
        (
            "America/Argentina/Buenos_Aires",
            "16:30 (Buenos Aires time)",
            "16:30 (heure locale, Buenos Aires)",
        ),
        ("UTC", "19:30 (GMT+00:00)", "19:30 (UTC+00:00)"),
        ("Etc/GMT+5", "14:30 (GMT-05:00)", "14:30 (UTC-05:00)"),
    ],
)
def test_an_instant_is_shown_in_the_named_timezone(timezone: str, english: str, french: str) -> None:
    value = datetime(2030, 11, 29, 19, 30, tzinfo=UTC)
    assert shown_instant(value, timezone, locale="en").replace("\u202f", " ").endswith(f"2030 at {english}")
    assert shown_instant(value, timezone, locale="fr") == f"vendredi 29 novembre 2030 à {french}"


def test_every_timezone_can_be_shown() -> None:
    from zoneinfo import available_timezones

    for timezone in available_timezones():
        assert shown_instant(datetime(2030, 7, 1, tzinfo=UTC), timezone, locale="fr")


# `waiting-list preview-mail`.


def test_a_preview_prints_the_text_or_the_html_or_writes_the_message(tmp_path: Path) -> None:
    text = command("preview-mail", "ready")
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith("It is your turn: 2 tickets for Jazz on the Quay\n\nHello Ada,\n\n2 tickets")
    html = command("preview-mail", "joined", "--locale", "fr", "--html")
    assert html.stdout.startswith('<!doctype html>\n<html lang="fr">')
    file = tmp_path / "mail.eml"
    assert command("preview-mail", "webhook_disabled", "--output", str(file)).stdout == ""
    assert message_from_bytes(file.read_bytes(), policy=default)["Subject"] == "A webhook has been disabled"


def test_a_preview_shows_an_organizations_own_template_or_says_why_not(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "mail"
    folder.mkdir(parents=True)
    (folder / "ready.txt").write_text("Subject: Ours\n\n{{ tickets_held }}")
    (folder / "ended.txt").write_text("Subject: {{ nothing }}")
    environment = {"WAITING_LIST_TEMPLATE_FOLDER": str(tmp_path)}
    assert command("preview-mail", "ready", "--organization", "acme", **environment).stdout == "Ours\n\n2\n"
    failing = command("preview-mail", "ended", "--organization", "acme", **environment)
    assert failing.stdout.startswith("The waiting list has ended")
    assert "template_failing" in failing.stderr
    assert "UndefinedError" in failing.stderr
    assert "place=ended.txt:1" in failing.stderr


@pytest.mark.parametrize(
    "arguments", [["no-such-letter"], ["ready", "--locale", "nl"], ["ready", "--output", "/no/x"]]
)
def test_a_preview_that_cannot_be_made_is_one_sentence(arguments: list[str]) -> None:
    refused = command("preview-mail", *arguments)
    assert refused.returncode == 2
    assert refused.stderr.strip()
    assert "Traceback" not in refused.stderr


def test_the_documentation_names_every_fact_and_every_letter() -> None:
    page = (PACKAGE.parent / "docs" / "notifications.md").read_text()
    # Templates see the organizer's words with their facts, as `opening_lines`.
    seen = {one.name for one in fields(EmailContext)} - {"own_subject", "own_opening"} | {"opening_lines"}
    assert {name for name in seen if f"`{name}`" not in page} == set()
    assert {kind for kind in EmailKind if f"| `{kind}` |" not in page} == set()
