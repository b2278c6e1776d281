"""Brings a waiting list that pretix has exported into a list of the service, in the order in which fans joined.

    python examples/import_pretix.py waitinglist.csv --offer floor --representation jazz-1

reads the CSV of pretix' exporter "Waiting list" (in English), checks all of it before anything is sent, and then
joins one after the other. Safe to repeat: who is in the list already is passed over. Ends with 1 and a line for
each bad row, or for the one that was refused. docs/how-to/migrate-from-pretix.md says more.
"""

import argparse
import csv
import hashlib
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ticketing import Refused, WaitingLists

COLUMNS = ("Date", "Name", "Email", "Product name", "Variation", "Start date", "Language", "Priority", "Status")
WAITING, ASSIGNED = "Waiting for a voucher", "Voucher assigned"
STATUSES = {WAITING, ASSIGNED, "Voucher redeemed", "Voucher expired"}
KIND = ("Product name", "Variation", "Start date")
"""What a list is for: one file can hold several."""


class BadFile(Exception):
    """Nothing was sent. One line for each bad row."""


@dataclass(frozen=True)
class Fan:
    """Who waits, and in which line of the file that stands."""

    line: int
    email: str
    name: str
    language: str
    tickets: int = 1

    @property
    def user_id(self) -> str:
        """Who that is at your shop: if it knows fans by another id, return that. Not the address itself, since
        user ids stand in histories and addresses of pages."""
        return "pretix-" + hashlib.sha256(self.email.lower().encode()).hexdigest()[:24]

    @property
    def body(self) -> dict[str, object]:
        """What the service is told."""
        locale = self.language[:2] if self.language[:2] in ("en", "fr") else None
        who = {"user_id": self.user_id, "email": self.email, "name": self.name or None, "locale": locale}
        # pretix sends a voucher for each of several places in line as it comes up: so one ticket will do.
        return who | {"tickets_wanted": self.tickets, "tickets_minimum": 1}


def read(path: Path, *, only: dict[str, str], assigned: str = "skip", repeats: str = "refuse") -> list[Fan]:
    """Who is to join, in order: by pretix' priority, then as they joined there. `assigned` of "first" puts those
    before them who have a voucher that is still good. Raises BadFile."""
    errors: list[str] = []
    rows: list[tuple[int, dict[str, str]]] = []
    latest: datetime | None = None
    for line, row in _rows(path):
        if any(row[column] != value for column, value in only.items()):
            continue
        try:
            joined = _checked(row)
            # Clocks are set back by an hour once a year.
            if latest and joined < latest - timedelta(hours=1):
                raise ValueError("joined before the line above: leave the file in the order of the export")
        except ValueError as error:
            errors.append(f"{path.name}:{line}: {error}")
        else:
            latest = max(latest or joined, joined)
            rows.append((line, row))
    kinds = sorted({tuple(row[column] for column in KIND) for _, row in rows})
    if len(kinds) > 1:
        found = "; ".join(" / ".join(part or "-" for part in kind) for kind in kinds)
        errors.append(f"{path.name}: holds several lists ({found}): choose one with --only")

    wanted = [WAITING, *([ASSIGNED] if assigned == "first" else [])]
    chosen = [(line, row) for line, row in rows if row["Status"] in wanted]
    chosen.sort(key=lambda one: (one[1]["Status"] != ASSIGNED, -int(one[1]["Priority"])))  # else as they stand
    fans: dict[str, Fan] = {}
    for line, row in chosen:
        email = row["Email"].lower()
        if (known := fans.get(email)) is None:
            fans[email] = Fan(line, row["Email"], row["Name"], row["Language"])
        elif repeats == "add":
            fans[email] = replace(known, tickets=known.tickets + 1)
        elif repeats == "refuse":
            errors.append(f"{path.name}:{line}: {row['Email']} is in line {known.line}, too: see --repeats")
    if errors:
        raise BadFile("\n".join(errors))
    left_out = Counter(row["Status"] for _, row in rows if row["Status"] not in wanted)
    said = ", ".join(f"{count} {status!r}" for status, count in sorted(left_out.items()))
    print(f"{len(fans)} to join; left out: {said or 'nobody'}")
    return list(fans.values())


def send(lists: WaitingLists, where: str, fans: list[Fan]) -> None:
    """Joins them one after the other, so that the order is theirs. Stops at the first who is refused, and raises
    Refused with their line: whoever comes after is not there yet, and nobody has passed them."""
    came = Counter({"joined": 0, "there already": 0})
    for fan in fans:
        try:
            # Who left meanwhile stays out, however long ago that was.
            lists.call("GET", f"/waiting-lists/{where}/entries/{fan.user_id}")
            came["there already"] += 1
        except Refused as refusal:
            if refusal.code != "not_in_list":
                raise
            try:
                lists.call("POST", f"/waiting-lists/{where}/entries", fan.body, once=f"{where}/{fan.user_id}")
            except Refused as refused:
                refused.add_note(f"line {fan.line}")
                raise
            came["joined"] += 1
    print(", ".join(f"{count} {what}" for what, count in came.items()))


def _checked(row: dict[str, str]) -> datetime:
    """When that fan joined. Raises ValueError where the row is bad."""
    if row["Status"] not in STATUSES:
        raise ValueError(f"the status {row['Status']!r} is not known: export in English")
    # Who has had their turn may be without an address: pretix can forget people.
    if row["Status"] in (WAITING, ASSIGNED) and not re.fullmatch(r"[^@\s]+@[^@\s]+", row["Email"]):
        raise ValueError(f"{row['Email']!r} is no e-mail address")
    if not row["Priority"].lstrip("-").isdecimal():
        raise ValueError(f"the priority {row['Priority']!r} is no number")
    return datetime.strptime(row["Date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)  # the file has no offsets


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    text = path.read_text(encoding="utf-8-sig")
    reader = csv.reader(text.splitlines(keepends=True), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    header = next(reader, [])
    if missing := [name for name in COLUMNS if name not in header]:
        raise BadFile(f"{path.name}:1: columns missing: {', '.join(missing)}. Export in English")
    # Two columns are called Date: the first is when the fan joined, the second which date of a series it is.
    places = {name: header.index(name) for name in COLUMNS}
    rows = [(reader.line_num, cells) for cells in reader]
    if short := [line for line, cells in rows if len(cells) != len(header)]:
        raise BadFile(f"{path.name}:{short[0]}: has not {len(header)} cells")
    return [(line, {name: cells[place].strip() for name, place in places.items()}) for line, cells in rows]


def main() -> int:
    """Reads, checks, sends."""
    parser = argparse.ArgumentParser(description="Join everybody of a waiting list that pretix has exported.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--offer", required=True)
    parser.add_argument("--representation", required=True)
    parser.add_argument("--only", action="append", default=[], metavar="COLUMN=VALUE", help="of these rows alone")
    parser.add_argument("--assigned", choices=["skip", "first"], default="skip", help="who has a good voucher")
    parser.add_argument("--repeats", choices=["refuse", "first", "add"], default="refuse", help="of an address")
    given = parser.parse_args()
    only = {column: value for column, _, value in (one.partition("=") for one in given.only)}
    if unknown := set(only) - set(COLUMNS):
        parser.error(f"--only: no such column: {', '.join(sorted(unknown))}")
    lists = WaitingLists(
        os.environ.get("WAITING_LIST_URL", "http://127.0.0.1:8000"), os.environ["WAITING_LIST_KEY"]
    )
    try:
        fans = read(given.file, only=only, assigned=given.assigned, repeats=given.repeats)
        send(lists, f"{given.offer}/{given.representation}", fans)
    except BadFile as error:
        print(f"Nothing was sent:\n{error}", file=sys.stderr)
        return 1
    except Refused as refusal:
        print(f"Stopped at {'; '.join(refusal.__notes__)}: {refusal}. Mend it, and repeat.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
