"""Say what the widget says, in each language: the texts of `static/widget.js`, by the names that it calls them.

They are in the catalogues like the texts of the pages, and many are the very texts of a page. The widget loads one
language as one file. A new language needs only its catalogue.
"""

import json
import re
from collections.abc import Mapping

from babel import Locale as BabelLocale

from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, translations

_COUNTS = (*range(201), 1_000, 1_000_000)
"""Numbers among which every plural form of every language is."""

Text = str | dict[str, str]


def widget_texts(locale: Locale) -> dict[str, Text]:
    """Return the texts of the widget by their names.

    A text that counts is a dict: its forms by plural category (CLDR), among them `other`, as the `Intl.PluralRules`
    of a browser calls them. `{num}` in it is the number. `{name}` in a text stands for a value.
    """
    catalogue = translations(locale)

    def _(text: str) -> str:
        return _named(catalogue.gettext(text))

    def ngettext(one: str, many: str) -> Text:
        forms = {
            category: _named(catalogue.ngettext(one, many, count)) for category, count in _samples(locale).items()
        }
        return {name: form for name, form in forms.items() if name == "other" or form != forms["other"]}

    return {
        "name": _("Waiting list"),
        # The list.
        "open": _("The waiting list is open."),
        "free": ngettext(
            "%(num)s ticket is free now. Ask for it, and it is held for you at once.",
            "%(num)s tickets are free now. Ask for that many or fewer, and they are held for you at once.",
        ),
        "draw": _("No need to hurry: everyone who joins before %(at)s has the same chance."),
        "not_opened": _("Tickets are still on sale. The waiting list opens when they are sold out."),
        "draft": _("The waiting list is not open yet."),
        "closed": _("The organizer has closed the waiting list to new fans."),
        "full": _("The waiting list is full."),
        "ended": _("The waiting list has ended."),
        "show_began": _("The show has begun, so the waiting list has ended."),
        "moved": _("moved from"),
        "cancelled_show": _("This show is cancelled."),
        "waiting": ngettext("%(num)s fan is waiting.", "%(num)s fans are waiting."),
        # The form.
        "email": _("Email address"),
        "email_note": _("We send the link to your place there."),
        "tickets": _("Tickets"),
        "minimum": _("Fewest I’d accept"),
        "minimum_note": _("If you’d also accept fewer, you may get them sooner."),
        "keep": _("If I get fewer, keep my place for the rest"),
        "join": _("Join the waiting list"),
        "sign_in": _("Please sign in to join."),
        "mailed": _("We have sent the link to your place to %(email)s."),
        "letter": _("We have sent a link to %(email)s. Open it to get your place."),
        # One email when it takes fans, by why it takes none now.
        "tell_not_opened": _("Tell me when they are sold out"),
        "tell_closed": _("Tell me when it opens"),
        "tell_full": _("Tell me when a place is free"),
        "tell_note": _("You get one email when this waiting list takes fans. After that we forget your address."),
        "told": _("Done: you get one email when this waiting list takes fans. After that we forget your address."),
        "undo": _("Undo"),
        # A place in line.
        "position": _("Your place in line"),
        "tickets_ahead": _("Tickets wanted ahead of you"),
        "number": _("Your number"),
        "next": _("You are next in line."),
        "place": _("You are number %(position)s in line."),
        "not_drawn": _("Your place is drawn by lot on %(at)s. Everyone who joins before has the same chance."),
        "wish": ngettext("You asked for %(num)s ticket.", "You asked for %(num)s tickets."),
        "wish_minimum": _("You asked for %(wanted)s tickets and would accept as few as %(minimum)s."),
        "n_tickets": ngettext("%(num)s ticket", "%(num)s tickets"),
        "paused": _("You paused your place, so we skip you until you resume."),
        "set_aside": _("Tickets are held for you in another list, so this place waits."),
        "unverified": _("We have to skip you until you confirm your address."),
        "address_failed": _("Our emails to you come back, so we have to skip you until you give another address."),
        "too_many": ngettext(
            "At most %(num)s ticket can be offered to one fan at the moment, but the fewest you’d accept is "
            "%(least)s. You keep your place, but we have to skip you until there are more.",
            "At most %(num)s tickets can be offered to one fan at the moment, but the fewest you’d accept is "
            "%(least)s. You keep your place, but we have to skip you until there are more.",
        ),
        "nothing_free_next": _("You are next in line. No tickets are available right now."),
        "nothing_free": ngettext(
            "%(fans)s fan ahead of you wants %(tickets)s. No tickets are available right now.",
            "%(fans)s fans ahead of you want %(tickets)s. No tickets are available right now.",
        ),
        "by_hand": ngettext(
            "%(num)s ticket is available. The organizer decides when to offer it.",
            "%(num)s tickets are available. The organizer decides when to offer them.",
        ),
        "first": ngettext(
            "You are next in line. %(num)s ticket is available, but the fewest you’d accept is %(least)s.",
            "You are next in line. %(num)s tickets are available, but the fewest you’d accept is %(least)s.",
        ),
        "first_waits": ngettext(
            "%(num)s ticket is available, but the first fan in line needs more. The rules let no further fans go "
            "ahead, so the list waits.",
            "%(num)s tickets are available, but the first fan in line needs more. The rules let no further fans go "
            "ahead, so the list waits.",
        ),
        "ahead": ngettext(
            "%(fans)s fan ahead of you wants %(tickets)s. Available right now: %(free)s.",
            "%(fans)s fans ahead of you want %(tickets)s. Available right now: %(free)s.",
        ),
        "seen": ngettext(
            "%(count)s fan was offered tickets in the last %(duration)s",
            "%(count)s fans were offered tickets in the last %(duration)s",
        ),
        "pace": _("At this pace, your turn comes in about %(wait)s. This is an estimate, not a promise."),
        "pace_maybe": _(
            "At this pace, your turn comes in about %(earliest)s at the earliest, and maybe not before the waiting "
            "list ends."
        ),
        "pace_never": _("At this pace, the waiting list will end before your turn."),
        "pace_unknown": _("Too few tickets have been returned so far to estimate the wait."),
        "range": _("%(earliest)s to %(latest)s"),
        "change": _("Change how many tickets you want"),
        "change_note": _(
            "If you ask for fewer tickets, you keep your place. If you ask for more, you go to the end of the line: "
            "we show you where that is, and ask first."
        ),
        "save": _("Change"),
        "changed": _("Changed. You can undo this for one minute."),
        "worse": _(
            "You would go from place %(now)s to place %(then)s, the end of the line. You can undo this for one minute "
            "at most. After that, you cannot get place %(now)s back."
        ),
        "stay": ngettext("Keep %(num)s ticket, at place %(place)s", "Keep %(num)s tickets, at place %(place)s"),
        "ask_for": ngettext(
            "Ask for %(num)s ticket, at place %(place)s", "Ask for %(num)s tickets, at place %(place)s"
        ),
        "leave": _("Leave the waiting list"),
        "leave_ask": _("Leave the waiting list?"),
        "leave_sure": _("You will lose place %(position)s. If you join again, you go to the end of the line."),
        "leave_draw": _("You will not take part in the draw, unless you join again before it."),
        "leave_no": _("Keep my place"),
        "pause": _("Pause my place"),
        "pause_note": _("Pause your place: you keep it, and tickets go to the fans behind you until you resume."),
        "resume": _("Resume my place"),
        # A turn.
        "held": ngettext(
            "It is your turn: %(num)s ticket is held for you until %(until)s.",
            "It is your turn: %(num)s tickets are held for you until %(until)s.",
        ),
        "left": _("Time left to buy"),
        "over": _("Your time to buy has run out."),
        "rest": ngettext(
            "You keep your place in line for %(num)s more ticket.",
            "You keep your place in line for %(num)s more tickets.",
        ),
        "buy": _("Buy now"),
        "fewer": _("Number of tickets to buy"),
        "fewer_note": _("The rest go to the next fan in line."),
        "rest_lost": _("You then also lose your place for the tickets that are still to come."),
        "buy_n": ngettext("Buy %(num)s ticket", "Buy %(num)s tickets"),
        "spare": _("Number of tickets to release"),
        "give_back": ngettext("Release %(num)s ticket", "Release %(num)s tickets"),
        "give_back_ask": ngettext("Release %(num)s ticket?", "Release %(num)s tickets?"),
        "give_back_sure": ngettext(
            "It goes straight to the next fan in line, and you cannot get it back.",
            "They go straight to the next fan in line, and you cannot get them back.",
        ),
        "give_back_left": ngettext(
            "We keep holding %(num)s ticket for you.", "We keep holding %(num)s tickets for you."
        ),
        "decline": _("Release my tickets"),
        "decline_ask": _("Release your tickets?"),
        "decline_sure": ngettext(
            "%(num)s ticket is held for you. If you release it, it goes straight to the next fan in line and you "
            "cannot get it back.",
            "%(num)s tickets are held for you. If you release them, they go straight to the next fan in line and "
            "you cannot get them back.",
        ),
        "keep_held": _("Keep my tickets"),
        # The end.
        "bought": _("You have bought your tickets. Enjoy the event!"),
        "cancelled": _("You have left the waiting list. No tickets are held for you."),
        "expired": _("You did not buy your tickets in time, so we have released them."),
        "removed": _(
            "The organizer has removed you from this waiting list. We no longer hold any tickets for you."
        ),
        "left_ended": _("The waiting list has ended, so we can no longer offer you tickets from it."),
        # The rules.
        "rules": _("The rules of this waiting list"),
        "strict": _(
            "Returned tickets go to the first fan in line. If there are too few for that fan, the list waits for "
            "more."
        ),
        "idle": _("After %(duration)s, they go once to the fans behind who can take them."),
        "skip": _(
            "Returned tickets go to the first fan in line. If there are too few for that fan, they go to the next "
            "fan who can take them."
        ),
        "skip_limit": ngettext(
            "Once %(num)s fan has gone ahead this way, the list waits until there are enough for the first.",
            "Once %(num)s fans have gone ahead this way, the list waits until there are enough for the first.",
        ),
        "organizer_offers": _("The organizer decides when to offer returned tickets."),
        "hold": _("When it is your turn, we hold your tickets for %(duration)s."),
        "hold_to_the_end": _("When it is your turn, we hold your tickets until the waiting list ends."),
        "step": ngettext(
            "From %(num)s day before the event, we hold them for %(duration)s.",
            "From %(num)s days before the event, we hold them for %(duration)s.",
        ),
        "step_day": _("On the day of the event, we hold them for %(duration)s."),
        "quiet": _(
            "Your time to buy never ends between %(from)s and %(until)s, local time of the event. A deadline in "
            "those hours moves to %(until)s."
        ),
        "after_leave": _(
            "If you do not buy in time, you lose your place. You can join again at the end of the line."
        ),
        "after_requeue": _("If you do not buy in time, you go to the end of the line, with a new number."),
        "requeue_limit": ngettext(
            "That can happen %(num)s time in a row; after that, you lose your place.",
            "That can happen %(num)s times in a row; after that, you lose your place.",
        ),
        "verify": _("You need an email address to join, and we skip you until you confirm it."),
        "one_place": _("Each confirmed email address can join once. Its aliases count as the same address."),
        "one_address": _("Each confirmed email address can join once."),
        "work_always": _(
            "When you join, your browser runs a check for a few seconds. It keeps bots from filling the list."
        ),
        "work_adaptive": _(
            "When many fans join at once, your browser runs a check for a few seconds. It keeps bots from filling "
            "the list."
        ),
        "working": _("One moment: your browser runs a short check that keeps out bots."),
        "places": ngettext(
            "You can be on at most %(num)s waiting list of this event.",
            "You can be on at most %(num)s waiting lists of this event.",
        ),
        "maximum": ngettext("You can ask for at most %(num)s ticket.", "You can ask for at most %(num)s tickets."),
        "ends": _("The waiting list ends on %(instant)s."),
        "here": _("Your local time: {instant}."),
        # Refusals, by their code or the field; `_by_email` where no shop signs fans in.
        "away": _(
            "We cannot reach the waiting list right now. Your place is safe, and this page tries again automatically."
        ),
        "no_undo": _(
            "This can no longer be undone exactly: the list has changed since, or too much time has passed. Nothing "
            "was changed."
        ),
        "no_reason": _("Something went wrong. Please try again in a moment."),
        "no_rate_limited": _("Too many attempts. Nothing was changed. Please try again later."),
        "no_inventory_not_found": _("This waiting list does not exist."),
        "no_offer_not_found": _("This waiting list does not exist."),
        "no_unauthenticated": _("You are no longer signed in. Please sign in at the shop again."),
        "no_forbidden": _("You are no longer signed in. Please sign in at the shop again."),
        "no_unauthenticated_by_email": _(
            "This browser no longer knows your place. The link in our email opens it."
        ),
        "no_forbidden_by_email": _("Sign in at the ticket shop, then join from there."),
        "no_email": _("Please enter a valid email address."),
        "no_tickets_minimum": _(
            "The fewest tickets you’d accept must be at least 1 and at most the number you want. Nothing was changed."
        ),
        "no_too_many_tickets": ngettext(
            "You can ask for at most %(num)s ticket. Nothing was changed.",
            "You can ask for at most %(num)s tickets. Nothing was changed.",
        ),
        "no_too_many_places": ngettext(
            "You can be on at most %(num)s waiting list of this event, and you already are. To join this one, "
            "leave the other one first.",
            "You can be on at most %(num)s waiting lists of this event, and you already are. To join this one, "
            "leave one of them first.",
        ),
        "no_waiting_list_not_open": _("You cannot join now: the waiting list is not open."),
        "no_waiting_list_full": _("You cannot join now: the waiting list is full."),
        "no_waiting_list_ended": _("You cannot do that now: the waiting list has ended."),
        "no_address_taken": _(
            "This email address, or an alias of it, is already on this waiting list. Each address can join once. If "
            "that entry is yours, keep it, or leave the list with it first."
        ),
        "no_already_left": _("You cannot do that now: you are no longer on this waiting list."),
        "no_not_waiting": _("You cannot do that now: it is your turn, and your tickets are held."),
        "no_not_ready": _("You cannot do that now: no tickets are held for you."),
        "no_hold_expired": _("You cannot do that now: your time to buy has run out."),
    }


def texts_file(locale: Locale) -> bytes:
    """Return the file of a language that the widget loads."""
    return json.dumps(widget_texts(locale), ensure_ascii=False, separators=(",", ":")).encode()


def file_names() -> Mapping[str, Locale]:
    """Return the language of each such file, by its name."""
    return {f"widget-{locale.lower()}.json": locale for locale in LOCALES}


def _named(text: str) -> str:
    return re.sub(r"%\((\w+)\)s", r"{\1}", text)


def _samples(locale: Locale) -> dict[str, int]:
    """Return a number of each plural category of a language."""
    rule, found = BabelLocale.parse(locale, sep="-").plural_form, dict[str, int]()
    for count in _COUNTS:
        found.setdefault(rule(count), count)
    return found
