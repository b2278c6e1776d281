"""Add a setting to a copy of the package: `most_per_entry`, how many tickets one entry may want.

`add` makes the edits. tests/lists/test_list_settings.py runs the tests below in the copy, and counts the edits.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from fastapi import FastAPI

from tests.pages.test_dashboard import PAGE, Office, office  # noqa: F401 - a fixture
from tests.pages.test_dashboard_changes import SETTINGS, asked
from tests.pages.test_fans import FRENCH
from tests.support.lists import Lists
from tests.support.shop import LIST, Shop, problem
from waiting_list.audit.report import Check
from waiting_list.audit.run import audit_list
from waiting_list.postgres.pool import connection

PATH = f"/waiting-lists/{LIST}"
_MIGRATION = """\
-- How many tickets one entry of a list may want.
ALTER TABLE inventory ADD COLUMN most_per_entry int NOT NULL DEFAULT 4;
"""
_DECLARATION = """\
    most_per_entry: Annotated[
        Quantity,
        Field(le=50),
        Setting(
            migration={migration},
            group=JOINING,
            label=N_("Tickets of one entry"),
            field_label=N_("How many tickets one entry may want"),
        ),
    ] = Field(default=4, description="How many tickets one entry may want.")


SETTINGS: Mapping[str, DeclaredSetting] = """
_FRENCH = """
msgid "Tickets of one entry"
msgstr "Billets par inscription"

msgid "How many tickets one entry may want"
msgstr "Combien de billets une inscription peut demander"
"""


def add(tree: Path) -> None:
    """Make the edits by hand that add the setting to a copy of the repository."""
    package = tree / "waiting_list"
    (newest,) = sorted(package.rglob("migrations/*.sql"))[-1:]
    migration = int(newest.name[:4]) + 1
    newest.with_name(f"{migration:04}_most_per_entry.sql").write_text(_MIGRATION)
    declaration = _DECLARATION.format(migration=migration)
    _replace(package, "\n\nSETTINGS: Mapping[str, DeclaredSetting] = ", declaration)
    last = "    ignore_address_tags: bool\n    email_required: bool\n"
    _replace(package, last, f"{last}    most_per_entry: int\n")
    maximum = "    maximum = locked.max_quantity_per_order\n"
    _replace(package, maximum, f"{maximum}    maximum = min(maximum, locked.list.most_per_entry)\n")
    (catalogue,) = package.rglob("locales/fr/LC_MESSAGES/messages.po")
    catalogue.write_text(catalogue.read_text() + _FRENCH)


def _replace(package: Path, old: str, new: str) -> None:
    """Edit the one module that contains the text."""
    (path,) = [path for path in package.rglob("*.py") if old in path.read_text()]
    text = path.read_text()
    assert text.count(old) == 1, (path.name, old)
    path.write_text(text.replace(old, new))


def generate(tree: Path) -> None:
    """Run the part of `make generate` for settings."""
    subprocess.run([sys.executable, "-m", "ops.settings_columns"], cwd=tree, check=True)
    shown = subprocess.run(
        [sys.executable, "docs/reference.py", "api"],
        cwd=tree,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tree)},
    )
    (tree / "docs" / "api.md").write_text(shown.stdout)


async def test_the_api_takes_it_shows_it_and_declares_it(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    assert (await shop.made("GET", PATH))["most_per_entry"] == 4
    assert (await shop.made("PATCH", PATH, {"most_per_entry": 2}))["most_per_entry"] == 2
    assert (await shop.made("GET", PATH))["most_per_entry"] == 2
    assert (await shop.http.get(f"/v1/user{PATH}")).json()["most_per_entry"] == 2
    for wrong in (0, 51, None, "2", 2.5):
        problem(await shop.organizer("PATCH", PATH, {"most_per_entry": wrong}), 422, "invalid_request")
    schemas = app.openapi()["components"]["schemas"]
    sent = schemas["ListChangeFields"]["properties"]["most_per_entry"]
    assert (sent["type"], sent["minimum"], sent["maximum"]) == ("integer", 1, 50)
    assert sent["description"].endswith("A new list has `4`.")
    for name in ("ListSettings", "ChangedSettings", "WaitingList"):
        assert schemas[name]["properties"]["most_per_entry"]["type"] == "integer", name


async def test_the_engine_obeys_it(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", PATH, {"most_per_entry": 2})
    refused = problem(await shop.user("ada", "POST", body={"tickets_wanted": 3}), 422, "too_many_tickets")
    assert refused["maximum"] == 2
    assert (await shop.join("ada", 2))["tickets_wanted"] == 2


async def test_the_history_tells_it_from_the_first_row_on(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", PATH, {"most_per_entry": 2})
    (changed,) = (await shop.made("GET", f"{PATH}/history?verb=configure"))["items"]
    assert (changed["before"], changed["after"]) == ({"most_per_entry": 4}, {"most_per_entry": 2})
    (created,) = (await shop.made("GET", f"{PATH}/history?verb=create"))["items"]
    assert created["after"]["most_per_entry"] == 4


async def test_the_audit_replays_it_also_where_an_older_version_made_the_list(lists: Lists) -> None:
    await lists.configure(most_per_entry=3)
    await lists.audit()
    async with connection(lists.pool) as acquired:
        older = "UPDATE history SET after = after - 'most_per_entry', leaf = NULL WHERE verb = 'create'"
        await acquired.execute(older)
    await lists.audit()
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE inventory SET most_per_entry = 9")
    finding = (await audit_list(lists.pool, lists.key)).finding
    assert finding is not None
    assert finding.check is Check.LIST
    assert "most_per_entry" in finding.sentence


async def test_the_form_asks_for_it_and_shows_its_effect(office: Office) -> None:  # noqa: F811
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{PAGE}/settings")
    organizer.read(answer)
    label = r'<label>How many tickets one entry may want\s+<input type="number" name="most_per_entry"'
    assert re.search(rf'{label} inputmode="numeric" min="1" max="50" required value="4">', answer.text)
    page, sent = await asked(organizer, **SETTINGS | {"most_per_entry": "2"})
    assert "Tickets of one entry 4 2" in page.text
    assert sent["settings"] == '{"most_per_entry":2}'
    await organizer.did(f"{PAGE}/do", **sent)
    assert (await office.shop.made("GET", PATH))["most_per_entry"] == 2
    assert "Tickets of one entry" in (await organizer.get(f"{PAGE}/history")).text
    page = await organizer.refused(f"{PAGE}/confirm", 422, **SETTINGS | {"most_per_entry": "51"})
    assert "Enter a whole number from 1 to 50." in page.text
    french = await office.organizer(**FRENCH)
    assert "Combien de billets une inscription peut demander" in (await french.get(f"{PAGE}/settings")).text
