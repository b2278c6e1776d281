"""Texts for users are plain English and French, without phrases that confuse readers.

The tests read the templates and the code, and so the widget. The texts name the actor first, use one word for one
thing, and say what is wrong and then what to do.
"""

import re

import pytest

from tests.notifications.test_email_rendering import messages
from waiting_list.i18n import translations

STUMBLES = {
    r"\bwhoever\b": "name the role: fan, organizer",
    r"\b(some|no)body\b": "name the role, or rewrite: 'Only waiting fans …'",
    r"\bno more\b": "'no longer', or 'at most'",
    r"\bany more\b(?! \w)": "'no longer'",
    r"\b(is|are|was|were) told\b": "'is notified', or 'we send'",
    r"\bpassed over\b": "'skip'",
    r"\b(is|are) good\b": "'works', or 'is valid'",
    r"\bgiv(e|en|es|ing) (up|back|out)\b": "'release', 'failed', 'offer'",
    r"\bticket(s)? (that )?(comes?|came|have come) back\b": "'returned tickets'",
    r"\b(take|taken|took) off\b": "'remove'",
    r"\bmailbox(es)?\b": "'email address'",
    r"\be-mails?\b": "'email'",
    r"\bmend\b": "'fix'",
    r"\bneed not\b": "'do not need to'",
    r"\bwhat (is|was|were) (held|left|sent)\b": "name it: 'the held tickets'",
    r"(?<!fans )\bwho(se)? (waits|waited|wait|does|do|did)\b": "'fans who …' or 'waiting fans'",
    r"\bso (many|few) (days|minutes)\b": "'this many days'",
    r"\bThere is no such\b": "'does not exist', or 'No … match'",
}
FRENCH_STUMBLES = {
    r"\bboîtes? aux lettres\b": "'boîte de réception', 'adresse e-mail'",
    r"\bdans le temps\b": "'évolution'",
    r"\bplein gré\b": "'a quitté la liste'",
    r"\bgardée?s? pour\b": "'réservé'",
    r"\brendre (ce|mes|vos|ces)\b": "'renoncer à'",
    r"\bpar qui\b": "'les fans qui'",
}


def english() -> set[str]:
    """Every text of the pages, of the e-mails and of the widget, plurals too."""
    return {form for forms in messages().values() for form in forms}


def french() -> set[str]:
    """The same in French."""
    catalogue = translations("fr")
    shown = {catalogue.ngettext(one, forms[-1], count) for one, forms in messages().items() for count in (1, 2)}
    return shown | {catalogue.gettext(one) for one in messages()}


@pytest.mark.parametrize(("phrase", "instead"), STUMBLES.items(), ids=STUMBLES.values())
def test_no_text_makes_its_reader_stumble(phrase: str, instead: str) -> None:
    found = [text for text in english() if re.search(phrase, text, re.IGNORECASE)]
    assert found == [], f"instead: {instead}"


@pytest.mark.parametrize(("phrase", "instead"), FRENCH_STUMBLES.items(), ids=FRENCH_STUMBLES.values())
def test_no_french_text_makes_its_reader_stumble(phrase: str, instead: str) -> None:
    found = [text for text in french() if re.search(phrase, text, re.IGNORECASE)]
    assert found == [], f"instead: {instead}"


def test_the_phrases_are_found_where_they_stand() -> None:
    for text in (
        "This link is good no more",
        "Nobody becomes ready.",
        "Give back what is held for me",
        "No more than 3 tickets can come back",
        "The fan gives up place 3, and is told.",
        "Tickets wanted by who waited, at the end",
        "There is no such webhook.",
    ):
        assert any(re.search(phrase, text, re.IGNORECASE) for phrase in STUMBLES), text
    assert len(english()) > 500
    assert len(french()) > 500
