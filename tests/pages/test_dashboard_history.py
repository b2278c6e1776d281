"""The history on the dashboard: filters that keep paging, and why tickets went past a fan."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.pages.test_dashboard import PAGE, Office, office  # noqa: F401 - a fixture
from tests.pages.test_fans import FRENCH
from tests.support.shop import LIST
from waiting_list.lists.queries import history as history_queries

HISTORY = f"{PAGE}/history"


def told(text: str) -> list[int]:
    """The sequences of the changes that a page tells, in its order."""
    return [int(one) for one in re.findall(r'<li value="(\d+)">', text)]


async def test_a_history_is_filtered_by_who_acted_whom_it_concerns_and_when(office: Office) -> None:  # noqa: F811
    await office.line()
    organizer = await office.organizer()
    everything = told((await organizer.http.get(HISTORY)).text)
    kinds: dict[str, list[int]] = {}
    for actor in ("user", "service", "organizer"):
        kinds[actor] = told((await organizer.http.get(f"{HISTORY}?actor={actor}")).text)
    assert sorted(kinds["user"] + kinds["service"] + kinds["organizer"], reverse=True) == everything
    assert all(kinds.values())
    joins = told((await organizer.http.get(f"{HISTORY}?verb=join")).text)
    assert len(joins) == 3
    for person in ("2", "bob"):
        page = await organizer.get(f"{HISTORY}?person={person}")
        assert "bob joined as number 2" in page.text
        assert "ada joined" not in page.text
        assert told((await organizer.http.get(f"{HISTORY}?person={person}&verb=join")).text) == [joins[1]]
        assert told((await organizer.http.get(f"{HISTORY}?person={person}&actor=service")).text) == []
    for nothing in ("person=99", "person=zelda", f"person={'9' * 30}", "from=2099-01-01T00:00"):
        assert "No changes match." in (await organizer.get(f"{HISTORY}?{nothing}")).text
    await office.run("UPDATE history SET at = at - interval '2 days' WHERE sequence <= $1", joins[1])
    yesterday = quote(f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}")
    later = told((await organizer.http.get(f"{HISTORY}?from={yesterday}")).text)
    earlier = told((await organizer.http.get(f"{HISTORY}?until={yesterday}&order=oldest")).text)
    assert later == [one for one in everything if one > joins[1]]
    assert earlier == [one for one in reversed(everything) if one <= joins[1]]
    answer = await organizer.http.get(f"{HISTORY}?from=soon")
    assert answer.status_code == 422


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_filters_hold_on_every_page(
    office: Office,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    order: str,
) -> None:
    monkeypatch.setattr("waiting_list.pages.dashboard.history._CHANGES", 3)
    monkeypatch.setattr(history_queries, "_LOOKED_AT", 5)
    for number in range(10):
        await office.shop.join(f"fan-{number}", 1)
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 10})
    for number in range(10, 13):
        await office.shop.join(f"fan-{number}", 1)
    organizer = await office.organizer()
    for query in ("actor=user", "actor=service", "actor=organizer", "verb=join"):
        found: list[int] = []
        link: str | None = f"{HISTORY}?order={order}&{query}"
        pages = 0
        while link:
            text = (await organizer.http.get(link)).text
            found += told(text)
            after = re.search(r'href="([^"]*cursor=[^"]*)"', text)
            link = after and after[1].replace("&amp;", "&")
            pages += 1
        expected = await office.run(
            "SELECT sequence FROM history WHERE list_id = (SELECT list_id FROM inventory) AND CASE $1"
            " WHEN 'actor=user' THEN actor = 'user' WHEN 'actor=service' THEN actor = 'service'"
            " WHEN 'actor=organizer' THEN actor NOT IN ('user', 'service') WHEN 'verb=join' THEN verb = 'join'"
            " END ORDER BY sequence",
            query,
        )
        assert found == [one["sequence"] for one in expected][:: 1 if order == "oldest" else -1], query
        assert pages > 1, query


async def test_the_history_says_why_tickets_went_past_a_fan(office: Office) -> None:  # noqa: F811
    shop = office.shop
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"policy": "skip"})
    await shop.join("ada", 4)
    await shop.join("bob", 2)
    await shop.join("cleo", 3)
    organizer = await office.organizer()
    page = await organizer.get(f"{PAGE}/entries/ada?passed=yes")
    assert "none went to a fan behind this one" in page.text
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})  # 2 to bob
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/cleo/grant", {"tickets": 1, "reason": "Press"})
    page = await organizer.get(f"{PAGE}/entries/ada?passed=yes")
    passed, _, _ = page.text.partition("History of this entry")
    grant = "cleo (number 3) was offered 1 ticket. The organizer gave them past the line. Reason: Press"
    skipped = "bob (number 2) was offered 2 tickets. This fan accepted no fewer than 4, and 3 tickets were free."
    assert passed.index(grant) < passed.index(skipped)
    # A wish of now does not change what was then.
    await shop.made("PATCH", f"/waiting-lists/{LIST}/entries/ada", {"tickets_wanted": 2})
    page = await organizer.get(f"{PAGE}/entries/ada?passed=yes")
    assert skipped in page.text
    # Those behind were passed by no fan.
    page = await organizer.get(f"{PAGE}/entries/bob?passed=yes")
    assert "cleo (number 3)" not in page.text.partition("History of this entry")[0]
    french = await office.organizer(**FRENCH)
    page = await french.get(f"{PAGE}/entries/ada?passed=yes")
    assert "3 billets étaient libres" in page.text


async def test_older_offers_to_fans_behind_are_a_link_away_and_each_is_shown_once(
    office: Office,  # noqa: F811
) -> None:
    shop = office.shop
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"policy": "skip", "skip_limit": 50})
    await shop.join("ada", 4)
    fans = [f"fan{number}" for number in range(2, 25)]
    for fan in fans:
        await shop.join(fan, 1)
    for _ in fans:
        await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    organizer = await office.organizer()
    address, shown, visits = f"{PAGE}/entries/ada?passed=yes", [], 0
    while address:
        answer = await organizer.http.get(address)
        passed = answer.text.partition('id="passed"')[2].partition("</section>")[0]
        shown += re.findall(r"\(number (\d+)\) was offered", passed)
        found = re.search(r'href="([^"]*before=\d+)[^"]*"', passed)
        address = found[1].replace("&amp;", "&") if found else ""
        visits += 1
    assert shown == [str(number) for number in range(len(fans) + 1, 1, -1)]
    assert visits == 3
    for odd in ("x", "-1", "9" * 40, "%00"):
        assert (await organizer.http.get(f"{PAGE}/entries/ada?passed=yes&before={odd}")).status_code == 200


async def test_a_fan_is_passed_for_an_address_or_a_wish_of_its_time(office: Office) -> None:  # noqa: F811
    shop = office.shop
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": True})
    await shop.join("ada", 2, email="ada@example.org")
    verified = {"email": "bob@example.org", "email_verified": True}
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", {"user_id": "bob", "tickets_wanted": 2} | verified)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    organizer = await office.organizer()
    text = (await organizer.get(f"{PAGE}/entries/ada?passed=yes")).text
    assert "(number 2) was offered 2 tickets. The list skipped this fan, because the email address" in text
    # The rules of now do not change what was then.
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": False})
    assert (
        "The list skipped this fan, because the email"
        in (await organizer.get(f"{PAGE}/entries/ada?passed=yes")).text
    )
    # What the history cannot explain is said to be so.
    await office.run("UPDATE history SET after = after - 'verify_email' WHERE verb IN ('create', 'configure')")
    text = (await organizer.get(f"{PAGE}/entries/ada?passed=yes")).text
    assert "The history does not say why it did not go to this fan." in text


async def test_the_history_says_when_it_was_last_proven(office: Office) -> None:  # noqa: F811
    organizer = await office.organizer()
    assert "this has not happened yet" in (await organizer.get(HISTORY)).text
    await office.run("INSERT INTO audits (ended_at, lists, differences) VALUES (now(), 1, 0)")
    assert "and found each list as its history says" in (await organizer.get(HISTORY)).text
    await office.run("INSERT INTO audits (ended_at, lists, differences) VALUES (now() + interval '1 s', 1, 1)")
    assert "found lists that differ from their history" in (await organizer.get(HISTORY)).text
    other = await office.organizer(await office.key(organization_id="org_2"))
    await other.get(HISTORY, 404)
