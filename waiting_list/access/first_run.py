"""Set up the first organization and its owner, once, while a deployment has no API key and no member.

The operator gets a code where the service starts. It follows from the deployment's secret, so that it is the same
after a restart, and the database does not store it. This module knows no HTTP.
"""

import base64
import re
import secrets
import unicodedata

from waiting_list.access.dashboard_sessions import MEMBER_SESSION, insert_session
from waiting_list.access.members import Invited, has_organizer, insert_member
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.key_material import derived
from waiting_list.page_addresses import DASHBOARD_FIRST
from waiting_list.postgres.pool import Pool, transaction
from waiting_list.postgres.statements import sql

_NOT_IN_ID = re.compile(r"[^a-z0-9]+")
_LONGEST_ID = 60


def first_code(secret: bytes) -> str:
    """Return the code of the first run: 20 letters and digits in groups of four, 100 bits."""
    text = base64.b32encode(derived(secret, "first-run")).decode()[:20]
    return "-".join(text[at : at + 4] for at in range(0, 20, 4))


def is_first_code(secret: bytes, given: str) -> bool:
    """Return whether this is the code, however it is grouped and capitalised. It takes constant time."""
    bare = given.replace("-", "").replace(" ", "").upper()
    return secrets.compare_digest(bare.encode(), first_code(secret).replace("-", "").encode())


def organization_id_of(name: str) -> str:
    """Make the id of an organization from its name: lower-case letters and digits, with hyphens between words."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(one))
    return _NOT_IN_ID.sub("-", plain)[:_LONGEST_ID].strip("-") or "organization"


async def first_link(pool: Pool, public_url: str) -> str | None:
    """Return the link of the first run; None once anybody can sign in. Raises Unavailable.

    The code is the fragment of the link, which browsers do not send. So no log has it.
    """
    if await has_organizer(pool):
        return None
    return f"{public_url}{DASHBOARD_FIRST}#{first_code(await SigningKeys(pool).derived_secret())}"


async def set_up_first(pool: Pool, *, organization_name: str, owner: Invited, browser: str) -> str | None:
    """Make the first organization, its owner and their session; return the token of the session for the browser.

    The caller has checked the code and the name. Simultaneous calls make one organization. Returns None once
    anybody can sign in. Raises Unavailable.
    """
    organization_id = organization_id_of(organization_name)
    async with transaction(pool) as acquired:
        await acquired.execute(sql("lock_first_run"))
        if await acquired.fetchval(sql("read_has_organizer")):
            return None
        member = await insert_member(acquired, organization_id, owner)
        await acquired.execute(sql("name_organization"), organization_id, organization_name)
        return await insert_session(acquired, MEMBER_SESSION, member_id=member.member_id, browser=browser)
