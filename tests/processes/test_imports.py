"""The two imports on the command line: what they print, and how they exit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lists import Lists

SHEETS = Path(__file__).parent.parent / "data" / "sheets"


def command(dsn: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    passed_on = {name: value for name, value in os.environ.items() if name == "WAITING_LIST_STATEMENT_CACHE"}
    done = subprocess.run(
        [sys.executable, "-m", "waiting_list", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=SHEETS,
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": dsn} | passed_on | variables,
    )
    assert "Traceback" not in done.stderr
    return done


def people(dsn: str, file: str, *more: str, offer: str = "off_1") -> subprocess.CompletedProcess[str]:
    return command(dsn, "import-people", file, "--offer", offer, "--representation", "rep_1", *more)


def test_a_catalogue_is_imported_after_a_dry_run_that_says_the_same(dsn: str) -> None:
    dry = command(dsn, "import", "cat-excel-semicolon", "--dry-run")
    assert dry.stdout.splitlines() == [
        "events: 1 read, 1 would be made, 0 would be changed",
        "representations: 1 read, 1 would be made, 0 would be changed",
        "offers: 1 read, 1 would be made, 0 would be changed",
        "inventory: 1 read, 1 would be made, 0 would be changed",
        "This was a dry run: no data was changed.",
    ]
    done = command(dsn, "import", "cat-excel-semicolon")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "events: 1 read, 1 made, 0 changed")


@pytest.mark.parametrize("folder", ["cat-header-quote", "cat-two-dashes", "cat-many-follow-ups", "elsewhere"])
def test_a_catalogue_with_invalid_rows_ends_with_1_and_lines_with_file_and_line(folder: str, dsn: str) -> None:
    done = command(dsn, "import", folder)
    first, *errors = done.stderr.splitlines()
    assert (done.returncode, done.stdout, first) == (1, "", "Nothing was imported:")
    assert 1 <= len(errors) <= 4
    assert all(line.partition(":")[0].endswith(".csv") for line in errors)


async def test_people_of_pretix_join_with_a_summary(dsn: str, lists: Lists) -> None:
    done = people(dsn, "pretix-windows-1252.csv")
    assert done.returncode == 0, done.stderr
    note, *summary = done.stdout.splitlines()
    assert "was read as Windows-1252" in note
    assert summary == [
        "pretix-windows-1252.csv: 4 rows, ordered by column 'Priority' and column 'Date'",
        "skipped: 1 Voucher assigned",
        "off_1/rep_1: 3 joined, 0 there already, 0 left before",
    ]


async def test_an_offer_that_does_not_exist_ends_with_1_and_the_code_of_the_problem(
    dsn: str, lists: Lists
) -> None:
    done = people(dsn, "pretix-semicolons.csv", offer="nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was imported:\nnowhere/rep_1: inventory_not_found: ")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--column", "mail=x"], "--column needs FIELD=COLUMN"),
        (["--only", "Elsewhere=1"], "no row has Elsewhere=1"),
        (["--encoding", "klingon"], "There is no encoding 'klingon'"),
        (["--send-mail"], "--send-mail needs a service that sends e-mails"),
    ],
    ids=["column", "only", "encoding", "mail"],
)
async def test_an_option_that_cannot_work_is_a_sentence(more: list[str], why: str, dsn: str, lists: Lists) -> None:
    done = people(dsn, "pretix-semicolons.csv", *more)
    assert done.returncode in (1, 2)
    assert why in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_missing_is_a_sentence(dsn: str) -> None:
    done = people(dsn, "nothing.csv")
    assert (done.returncode, done.stderr.splitlines()[1]) == (1, "nothing.csv: the file is missing in .")


async def test_an_address_in_a_local_domain_that_a_setting_allows_is_imported(dsn: str, lists: Lists) -> None:
    into = ["--offer", "off_1", "--representation", "rep_1"]
    arguments = ["import-people", "pretix-intranet-address.csv", *into]
    assert command(dsn, *arguments).returncode == 1
    done = command(dsn, *arguments, WAITING_LIST_MAIL_LOCAL_DOMAINS="clinic.local")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "off_1/rep_1: 3 joined, 0 there already, 0 left before"


async def test_the_summary_tells_both_who_can_buy_and_how_many_get_the_mail_that_they_joined(
    dsn: str, lists: Lists, tmp_path: Path
) -> None:
    await lists.add_stock(1)
    file = tmp_path / "people.csv"
    file.write_text("email\na@example.org\n")
    into = ["--offer", "off_1", "--representation", "rep_1", "--send-mail"]
    done = command(dsn, "import-people", str(file), *into, WAITING_LIST_MAIL_FOLDER=str(tmp_path))
    assert done.stdout.splitlines() == [
        "people.csv: 1 row, ordered by the order of the rows",
        "off_1/rep_1: 1 joined, 0 there already, 0 left before",
        "1 of them can buy now, and get an e-mail if they have an address",
        "e-mails that they joined: 1",
    ]


@pytest.mark.parametrize(
    "arguments", [["import", "cat-two-dashes"], ["import-people", "pretix-intranet-address.csv"]]
)
def test_a_wrong_setting_is_told_before_a_wrong_row(arguments: list[str], dsn: str) -> None:
    done = command(dsn, *arguments, WAITING_LIST_PROT="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The settings are not valid:")
