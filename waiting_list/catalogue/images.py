"""Keep the images of events and the logos of organizations, and give them to pages.

An image is named by a hash of its owner and content. So its address never shows anything else, caches may keep it
for ever, and a stranger cannot guess it. An image that is shown nowhere is deleted after a day.

The bytes are in the database or, by setting, in a file of a store. Each file has its own name, and stands in
`unused_files` from before it is written until the transaction that inserts its image, and again from the
transaction that deletes its image until it is deleted. So an image never names a file that is not there, and a
file without an image is always found, whatever is cut off.
"""

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict
from typing import NamedTuple

from waiting_list.catalogue.image_store import ImageStore
from waiting_list.looks import image_address
from waiting_list.periodic import repeat
from waiting_list.pictures import NewImage
from waiting_list.postgres.pool import Connection, Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import EventNotFound, NotFound, Unavailable

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp"}
"""By the ending of an image's name."""
_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+x[0-9]+\.(?:png|webp)", re.ASCII)
"""What `Images.keep` calls an image. The database would refuse some other texts, such as one with NUL."""
_PAUSE_SECONDS = 600
_MOST_BYTES = 16 * 1024 * 1024
"""The most bytes of images that a process keeps in memory."""


class Kept(NamedTuple):
    """An image that no event and no organization shows yet, with its bytes or the file that has them."""

    image: str
    content: bytes | None
    small: bytes | None
    file: str | None


class Moved(NamedTuple):
    """What a move of images did: how many it moved, and how many have no file in the store."""

    moved: int
    missing: int


class Images:
    """The images of a process. The most wanted ones stay in memory, so that a crowd costs the database nothing."""

    def __init__(self, pool: Pool, store: ImageStore | None = None) -> None:
        self._pool = pool
        self._store = store
        self._known: OrderedDict[tuple[str, bool], bytes] = OrderedDict()
        self._reading: dict[tuple[str, bool], asyncio.Task[bytes]] = {}
        self._bytes = 0

    async def keep(self, organization_id: str, picture: NewImage | None) -> Kept | None:
        """Keep the bytes of a picture of an organization, for one of the next two calls. Raises Unavailable."""
        if picture is None:
            return None
        digest = hashlib.sha256(organization_id.encode() + b"\x00" + picture.content).hexdigest()[:32]
        image = f"{digest}-{picture.width}x{picture.height}.{picture.ending}"
        if self._store is None:
            return Kept(image, picture.content, picture.small, None)
        return await self._write(image, picture.content, picture.small)

    async def set_logo(self, organization_id: str, kept: Kept | None) -> str | None:
        """Give an organization a logo, or none; return its address. Raises Unavailable."""
        async with transaction(self._pool) as acquired:
            image = await _insert(acquired, organization_id, kept)
            await acquired.execute(sql("set_logo"), organization_id, image)
        return image_address(image)

    async def set_event_image(self, organization_id: str, event_id: str, kept: Kept | None) -> str | None:
        """Give an event an image, or none; return its address. Raises EventNotFound, Unavailable."""
        async with transaction(self._pool) as acquired:
            image = await _insert(acquired, organization_id, kept)
            if await acquired.fetchval(sql("set_event_image"), organization_id, event_id, image) is None:
                raise EventNotFound("There is no such event.")
        return image_address(image)

    async def read(self, image: str, *, small: bool = False) -> bytes:
        """Return an image by its name, or its small form. Raises NotFound, Unavailable."""
        key = image, small
        if (found := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return found
        # One reads for all that ask meanwhile, because a store counts each request.
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(image, small=small))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        found = await asyncio.shield(task)
        if key not in self._known:
            self._known[key] = found
            self._bytes += len(found)
        while self._bytes > _MOST_BYTES:
            self._bytes -= len(self._known.popitem(last=False)[1])
        return found

    async def run(self) -> None:
        """Delete unused files until cancelled: the part of the worker that a slow store must not delay."""
        if self._store is not None:
            await repeat(self.delete_unused_files, seconds=_PAUSE_SECONDS, failing="image_files_not_deleted")

    async def delete_unused_files(self) -> None:
        """Delete the files that no image has named for an hour. Safe to repeat. Raises Unavailable."""
        if self._store is None:
            return
        async with transaction(self._pool) as acquired:
            files = [record["file"] for record in await acquired.fetch(sql("delete_unused_files"))]
            await self._store.delete(one for file in files for one in (file, _small(file)))

    async def move(self, *, to_database: bool = False) -> Moved:
        """Move the bytes of all images into the store, or back. It may run beside the service, and be repeated.

        Raises Unavailable, and then keeps what it has moved.
        """
        moved = missing = 0
        last = ""
        while True:
            async with connection(self._pool) as acquired:
                records = await acquired.fetch(sql("read_images_to_move"), not to_database, last)
            if not records:
                return Moved(moved, missing)
            for image, content, small, file in records:
                try:
                    moved += await self._move(image, content, small, file)
                except NotFound:
                    missing += 1
                last = image

    async def _move(self, image: str, content: bytes | None, small: bytes | None, file: str | None) -> bool:
        if content is not None:
            kept = await self._write(image, content, small)
        else:
            assert file is not None
            kept = Kept(image, await self._file(file), await self._small_file(file), None)
        async with transaction(self._pool) as acquired:
            is_moved = await acquired.fetchval(sql("move_image"), *kept, file) is not None
            if is_moved:
                await _use(acquired, kept)
            if is_moved and file:
                await acquired.execute(sql("insert_unused_files"), [file])
        return is_moved

    async def _read(self, image: str, *, small: bool) -> bytes:
        record = None
        if _NAME.fullmatch(image):
            async with connection(self._pool) as acquired:
                record = await acquired.fetchrow(sql("read_image"), image, small)
        content, file = record or (None, None)
        if file:
            content = await (self._small_file(file) if small else self._file(file))
        if content is None:
            raise NotFound("There is no such image.")
        return bytes(content)

    async def _file(self, file: str) -> bytes:
        if self._store is None:
            raise Unavailable("This process has no store of images: set WAITING_LIST_IMAGES_S3_URL.")
        return await self._store.get(file)

    async def _small_file(self, file: str) -> bytes | None:
        # As of a picture from the database: a logo has no small form.
        return await self._file(_small(file)) if file.endswith(".webp") else None

    async def _write(self, image: str, content: bytes, small: bytes | None) -> Kept:
        if self._store is None:
            raise Unavailable("This process has no store of images: set WAITING_LIST_IMAGES_S3_URL.")
        name, _, ending = image.rpartition(".")
        file = f"{name}-{secrets.token_hex(8)}.{ending}"
        async with connection(self._pool) as acquired:
            await acquired.execute(sql("insert_unused_files"), [file])
        if small is not None:
            await self._store.put(_small(file), small, MEDIA_TYPES[ending])
        await self._store.put(file, content, MEDIA_TYPES[ending])
        return Kept(image, None, None, file)


async def copy_event_image(acquired: Connection, organization_id: str, event_id: str, copy_id: str) -> None:
    """Give an event the image of another, within a transaction of the caller."""
    # Kept first, so that the image stays even if the other event loses it meanwhile.
    image = await acquired.fetchval(sql("touch_event_image"), organization_id, event_id)
    if image is not None:
        await acquired.fetchval(sql("set_event_image"), organization_id, copy_id, image)


async def delete_unshown(pool: Pool) -> None:
    """Delete the images that have been shown nowhere for a day. Safe to repeat. Raises Unavailable."""
    async with transaction(pool) as acquired:
        deleted = await acquired.fetch(sql("delete_unshown_images"))
        if files := [record["stored"] for record in deleted if record["stored"]]:
            await acquired.execute(sql("insert_unused_files"), files)


async def _insert(acquired: Connection, organization_id: str, kept: Kept | None) -> str | None:
    if kept is None:
        return None
    image, content, small, file = kept
    # An image that is there already keeps its own file, and ours is deleted with the unused ones.
    if await acquired.fetchval(sql("insert_image"), image, organization_id, content, small, file) == file:
        await _use(acquired, kept)
    return image


async def _use(acquired: Connection, kept: Kept) -> None:
    if kept.file and await acquired.fetchval(sql("use_file"), kept.file) is None:
        raise Unavailable("The picture took too long to be stored. Please try again.")


def _small(file: str) -> str:
    return f"small/{file}"
