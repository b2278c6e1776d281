"""Mailboxes: all spellings of one address are one mailbox, and mailboxes of two people stay two."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from waiting_list.fields import Email
from waiting_list.lists.mailboxes import mailbox

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAMES = st.from_regex(r"[a-z0-9_]{1,12}(\.[a-z0-9_]{1,8})?", fullmatch=True)
_TAGS = st.from_regex(r"[a-z0-9]{1,10}([.+-][a-z0-9]{1,5})?", fullmatch=True)
_DOMAINS = st.sampled_from(
    [
        "gmail.com",
        "yahoo.fr",
        "proton.me",
        "icloud.com",
        "fastmail.com",
        "yandex.ru",
        "straße.example",
        "shop.example",
    ]
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada.Lovelace+tickets@GoogleMail.com", "adalovelace@gmail.com"),
        ("ada+1@shop.example", "ADA@shop.example"),
        ("ada+1+2@outlook.com", "ada@outlook.com"),
        ("ada-tickets@yahoo.co.uk", "ada@yahoo.co.uk"),
        ("ada-tickets@yahoo.com", "ada@yahoo.com"),
        ("ada-1@ymail.com", "ada@ymail.com"),
        ("a.d-a_l@pm.me", "adal@protonmail.com"),
        ("ada@mac.com", "ada@icloud.com"),
        ("tickets@ada.fastmail.com", "ada+x@fastmail.com"),
        ("ada@ya.ru", "ada@yandex.com"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@STRAßE.example", "ada@straße.example"),
        # Decomposed, in capitals of the ASCII form, with the full stop of Chinese, and with a wide letter.
        ("ada@bücher.example", "ada@bu\u0308cher.example"),
        ("ada@BÜCHER.example", "ada@XN--BCHER-KVA.example"),
        ("ada@bücher\u3002example", "ada@bücher.example"),
        ("ada@\uff47mail.com", "a.da@gmail.com"),
    ],
)
def test_aliases_lead_to_one_mailbox(one: str, other: str) -> None:
    assert mailbox(one) == mailbox(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.l@outlook.com", "adal@outlook.com"),
        ("ada-l@shop.example", "ada@shop.example"),
        ("ada@yahoo.shop.example", "ada-l@yahoo.shop.example"),
        ("ada@gmail.com", "ada@shop.example"),
        ("ada@straße.example", "ada@strasse.example"),
        ("a.b@xgmail.com", "ab@xgmail.com"),
        ("tickets@ada.fastmail.example", "other@ada.fastmail.example"),
    ],
)
def test_mailboxes_of_two_people_stay_two(one: str, other: str) -> None:
    assert mailbox(one) != mailbox(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada+jazz@shop.example", "ada@shop.example"),
        ("a.da+jazz@gmail.com", "ada@gmail.com"),
        ("ada+jazz@gmail.com", "ada+opera@gmail.com"),
        ("ada-jazz@yahoo.com", "ada@yahoo.com"),
        ("jazz@ada.fastmail.com", "ada@fastmail.com"),
    ],
)
def test_tags_make_two_mailboxes_where_they_are_kept(one: str, other: str) -> None:
    assert mailbox(one, ignore_tags=False) != mailbox(other, ignore_tags=False)
    assert mailbox(one) == mailbox(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada+Jazz@BÜCHER.example", "ada+jazz@xn--bcher-kva.example"),
        ("a.da+jazz@googlemail.com", "ada+jazz@gmail.com"),
        ("jazz@ada.fastmail.com", "ada+jazz@fastmail.com"),
        ("a.d-a@pm.me", "ada@proton.me"),
    ],
)
def test_other_spellings_are_one_mailbox_where_tags_are_kept_too(one: str, other: str) -> None:
    assert mailbox(one, ignore_tags=False) == mailbox(other, ignore_tags=False)


@given(st.text(max_size=40) | st.emails() | st.builds("{}@{}".format, st.text("ab+-._", min_size=1), _DOMAINS))
@example("+tag@gmail.com")
@example("-a@yahoo.com")
@example("-@pm.me")
@example("a@b.fastmail.com")
def test_every_text_has_one_mailbox_which_is_its_own(text: str) -> None:
    for ignore in (True, False):
        found = mailbox(text, ignore_tags=ignore)
        assert mailbox(found, ignore_tags=ignore) == found


@given(_NAMES, _TAGS, _DOMAINS)
def test_tags_and_capitals_make_no_other_mailbox(name: str, tag: str, domain: str) -> None:
    address = f"{name}@{domain}"
    assert mailbox(f"{name}+{tag}@{domain}") == mailbox(address) == mailbox(f"{name.upper()}@{domain}")
    assert mailbox(address).isascii()


@given(_NAMES, _TAGS, _DOMAINS)
def test_a_mailbox_is_an_address_that_can_be_given(name: str, tag: str, domain: str) -> None:
    found = mailbox(f"{name}+{tag}@{domain}")
    assert mailbox(_EMAIL.validate_python(found)) == found
