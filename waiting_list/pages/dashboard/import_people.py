"""The dashboard page that puts the people of a CSV file onto a list: choose, map the columns, preview, import.

The preview is the import itself, rolled back. Nothing is kept between the steps: the form has the text.
"""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.csv_files import Fault, ImportRefused
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import overview
from waiting_list.pages.dashboard.add_fan import AddRoute
from waiting_list.pages.dashboard.import_forms import (
    MOST_BYTES,
    Upload,
    digest_of,
    mapped,
    shown_faults,
    uploaded,
    wants_import,
)
from waiting_list.pages.dashboard.page import dashboard_page, list_facts, next_page
from waiting_list.pages.forms import search_text
from waiting_list.pages.page import HEADERS, PageRequest
from waiting_list.people_import.choices import FIELDS, Assigned, InvalidAddresses, Repeats
from waiting_list.people_import.columns import known_keys
from waiting_list.people_import.join import Joined, Mode, join_people
from waiting_list.people_import.read import Options, People, people_in
from waiting_list.problems import Problem
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=AddRoute, include_in_schema=False)
_OF_PERSON = {name: keys for name, keys in FIELDS.items() if name not in ("offer", "representation")}
_LISTS = 25
_SHOWN = 10
"""How many of the people a preview shows."""
SAMPLE = """\
email,name,tickets,joined
ada@example.org,Ada Lovelace,2,2031-03-01 09:00
grace@example.org,Grace Hopper,1,2031-03-01 09:05
"""


@router.get(to.PEOPLE_IMPORT)
async def choose_list(call: PageRequest) -> Response:
    """Show the lists that a file of fans can be imported onto, the next show first."""
    cast(Organizer, call.who).demand(Scope.ENTRIES)
    asked = call.query_params
    found = await overview(
        call.pool,
        call.organization_id,
        event_id=None,
        text=search_text(asked.get("text")),
        wanted_only=False,
        past=False,
        limit=_LISTS,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_import_list.html",
        lists=found.items,
        text=search_text(asked.get("text")) or "",
        more=next_page(call, found.next_cursor),
    )


@router.get(to.DASHBOARD_IMPORT)
async def show_import(call: PageRequest) -> Response:
    """Show the form that takes a file, or the sample file."""
    cast(Organizer, call.who).demand(Scope.ENTRIES)
    if "sample" in call.query_params:
        headers = {"Content-Disposition": 'attachment; filename="fans.csv"'} | HEADERS
        return Response("\ufeff" + SAMPLE, media_type="text/csv; charset=utf-8", headers=headers)
    return await _page(call, None)


@router.post(to.DASHBOARD_IMPORT)
async def import_people(call: PageRequest) -> Response:
    """Take a file, preview its import, or import it: all of it or nothing. Sent twice, it acts once."""
    await list_facts(call, path_key(call))
    sent = uploaded(call, known_keys({}))
    if sent is None:
        return await _page(call, None, missing=True)
    if sent.file is None:
        return await _page(call, sent, sent.refusals.refused().faults)
    places = mapped(call, sent.file, _OF_PERSON)
    if "repeats" not in call.sent or "file" in call.files:
        return await _page(call, sent, places=places)
    if not {"email", "user_id"} & places.keys():
        return await _page(call, sent, places=places, errors={"map_email": "missing"})
    return await _run(call, path_key(call), sent, places)


async def _run(call: PageRequest, key: ListKey, sent: Upload, places: Mapping[str, int]) -> Response:
    assert sent.file is not None
    form, columns = call.sent, sent.file.columns
    options = Options(
        columns={name: columns[places[name]] if name in places else "" for name in FIELDS},
        only=[only] if (only := form.get("only", "").strip()) else (),
        offer_id=key.offer_id,
        representation_id=key.representation_id,
        assigned=Assigned.FIRST if "assigned" in form else Assigned.SKIP,
        repeated=Repeats(one) if (one := form["repeats"]) in [*Repeats] else Repeats.REFUSE,
        addresses=InvalidAddresses(one)
        if (one := form.get("addresses", "")) in [*InvalidAddresses]
        else InvalidAddresses.REFUSE,
    )
    imports = wants_import(call)
    mode = Mode(
        dry_run=not imports,
        announces="send_mail" in form,
        verified="verified" in form,
        sends_mail=call.service.settings.sends_mail,
        actor=call.caller.actor,
    )
    shown: dict[str, Any] = {"places": places}
    try:
        found = people_in(sent.file, options, sent.refusals)
        done = (await join_people(call.pool, found, mode)).get(key, Joined())
    except ImportRefused as refusal:
        return await _page(call, sent, refusal.faults, **shown)
    except ValueError:
        return await _page(call, sent, errors={"only": "missing"}, **shown)
    except Problem as problem:
        return await _page(call, sent, problem=problem, **shown)
    return await _page(call, sent, found=found, done=done, imported=imports, **shown)


async def _page(
    call: PageRequest,
    sent: Upload | None,
    faults: list[Fault] | None = None,
    *,
    places: Mapping[str, int] | None = None,
    errors: dict[str, str] | None = None,
    missing: bool = False,
    problem: Problem | None = None,
    found: People | None = None,
    done: Joined | None = None,
    imported: bool = False,
) -> Response:
    begun = call.method == "POST" and "repeats" in call.sent and "file" not in call.files
    wrong = bool(faults or errors or missing or (sent is not None and sent.file is None))
    return dashboard_page(
        call,
        "dashboard_import_people.html",
        status=problem.status if problem else 422 if wrong else 200,
        **await list_facts(call, path_key(call)),
        upload=sent,
        file=sent.file if sent else None,
        fields=[*_OF_PERSON],
        places=places or {},
        form=call.sent if begun else {},
        errors=errors or {},
        missing=missing,
        refusal=problem,
        most_kib=MOST_BYTES // 1024,
        joined=done,
        skipped=found.skipped.total() if found else 0,
        first=found.people[:_SHOWN] if found else (),
        more_people=max(0, len(found.people) - _SHOWN) if found else 0,
        seen=digest_of(call) if done else None,
        imported=imported,
        do="join",
        **shown_faults(faults or []),
    )
