"""Keep the images of events and the logos of organizations, and give them to pages.

An image is named by a hash of its owner and content. So its address never shows anything else, caches may keep it
for ever, and a stranger cannot guess it. An image that is shown nowhere is deleted after a day.
"""

import hashlib
import re
from collections import OrderedDict
from typing import NamedTuple

from waiting_list.looks import image_address
from waiting_list.pictures import NewImage
from waiting_list.postgres.pool import Connection, Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import EventNotFound, NotFound

_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+x[0-9]+\.(?:png|webp)", re.ASCII)
"""What `_keep` calls an image. The database would refuse some other texts, such as one with NUL."""
_MOST_BYTES = 16 * 1024 * 1024
"""The most bytes of images that a process keeps in memory."""


class StoredImage(NamedTuple):
    """An image, and its small form if it has one."""

    content: bytes
    small: bytes | None


async def set_logo(pool: Pool, organization_id: str, picture: NewImage | None) -> str | None:
    """Give an organization a logo, or none; return its address. Raises Unavailable."""
    async with transaction(pool) as acquired:
        image = await _keep(acquired, organization_id, picture)
        await acquired.execute(sql("set_logo"), organization_id, image)
    return image_address(image)


async def set_event_image(pool: Pool, organization_id: str, event_id: str, picture: NewImage | None) -> str | None:
    """Give an event an image, or none; return its address. Raises EventNotFound, Unavailable."""
    async with transaction(pool) as acquired:
        image = await _keep(acquired, organization_id, picture)
        if await acquired.fetchval(sql("set_event_image"), organization_id, event_id, image) is None:
            raise EventNotFound("There is no such event.")
    return image_address(image)


async def copy_event_image(acquired: Connection, organization_id: str, event_id: str, copy_id: str) -> None:
    """Give an event the image of another, within a transaction of the caller."""
    # Kept first, so that the image stays even if the other event loses it meanwhile.
    image = await acquired.fetchval(sql("touch_event_image"), organization_id, event_id)
    if image is not None:
        await acquired.fetchval(sql("set_event_image"), organization_id, copy_id, image)


async def delete_unshown(pool: Pool) -> None:
    """Delete the images that have been shown nowhere for a day. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_unshown_images"))


class Images:
    """Read images for pages. The most wanted ones stay in memory, so that a crowd costs the database nothing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[str, StoredImage] = OrderedDict()
        self._bytes = 0

    async def read(self, image: str) -> StoredImage:
        """Return an image by its name. Raises NotFound, Unavailable."""
        found = self._known.get(image)
        if found is not None:
            self._known.move_to_end(image)
            return found
        record = None
        if _NAME.fullmatch(image):
            async with connection(self._pool) as acquired:
                record = await acquired.fetchrow(sql("read_image"), image)
        if record is None:
            raise NotFound("There is no such image.")
        found = StoredImage(*record)
        if image not in self._known:
            self._known[image] = found
            self._bytes += _size(found)
        while self._bytes > _MOST_BYTES:
            self._bytes -= _size(self._known.popitem(last=False)[1])
        return found


async def _keep(acquired: Connection, organization_id: str, picture: NewImage | None) -> str | None:
    if picture is None:
        return None
    digest = hashlib.sha256(organization_id.encode() + b"\x00" + picture.content).hexdigest()[:32]
    image = f"{digest}-{picture.width}x{picture.height}.{picture.ending}"
    await acquired.execute(sql("insert_image"), image, organization_id, picture.content, picture.small)
    return image


def _size(image: StoredImage) -> int:
    return len(image.content) + len(image.small or b"")
