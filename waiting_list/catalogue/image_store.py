"""Keep files in a bucket of an S3-compatible store, such as Amazon S3, MinIO or Cloudflare R2."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import structlog

from waiting_list.problems import NotFound, Unavailable
from waiting_list.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

_SECONDS = 10
"""The longest time of one request to the store, with its repetitions."""
_TRIAL = "waiting-list"
"""The file that the check of the start writes and deletes."""
_log = structlog.get_logger(__name__)


class StoreRefuses(ValueError):
    """The store can be reached, and refuses: the settings are wrong."""


class ImageStore:
    """The bucket of the settings. A store that does not answer is Unavailable, and nothing is lost."""

    def __init__(self, bucket: "S3Store", place: str) -> None:
        self._bucket = bucket
        self._place = place

    @classmethod
    def of(cls, settings: Settings) -> "ImageStore | None":
        """Return the store of the settings; None if the database keeps the images."""
        if settings.images_s3_url is None:
            return None
        # Late, because a process without a store needs no library for one.
        from obstore.store import S3Store  # noqa: PLC0415

        parts = urlsplit(settings.images_s3_url)
        bucket, _, prefix = parts.path.strip("/").partition("/")
        secret = settings.images_s3_secret_access_key
        # Without a key, the library takes that of the machine: AWS_ACCESS_KEY_ID, or the role of the instance.
        keys: dict[str, Any] = (
            {
                "access_key_id": settings.images_s3_access_key_id,
                "secret_access_key": secret.get_secret_value(),
            }
            if secret
            else {}
        )
        store = S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=f"{parts.scheme}://{parts.netloc}",
            region=settings.images_s3_region,
            virtual_hosted_style_request=False,
            # Not all stores know the other way.
            disable_bulk_delete=True,
            client_options={
                "allow_http": parts.scheme == "http",
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=_SECONDS / 2),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=_SECONDS)},
            **keys,
        )
        return cls(store, settings.images_s3_url)

    async def check(self) -> None:
        """Write a file and delete it. Raises StoreRefuses; Unavailable if the store cannot be reached."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError  # noqa: PLC0415

        try:
            await asyncio.wait_for(self._put(_TRIAL, b"ok", "text/plain"), _SECONDS)
        except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError) as error:
            why = "has no such bucket" if isinstance(error, FileNotFoundError) else "refuses the key"
            raise StoreRefuses(f"The store of images {why}: {self._place} (WAITING_LIST_IMAGES_S3_…).") from None
        except (BaseError, OSError) as error:
            raise self._unavailable(error) from error
        await self.delete([_TRIAL])

    async def put(self, file: str, content: bytes, media_type: str) -> None:
        """Write a file, and replace one with this name. Raises Unavailable."""
        try:
            await self._answered(self._put(file, content, media_type))
        except NotFound as error:
            raise self._unavailable(FileNotFoundError("no such bucket")) from error

    async def get(self, file: str) -> bytes:
        """Read a file. Raises NotFound, Unavailable."""
        return await self._answered(self._get(file))

    async def delete(self, files: Iterable[str]) -> None:
        """Delete files; those that are not there count as deleted. Raises Unavailable."""
        for file in files:
            try:
                await self._answered(self._bucket.delete_async(file))
            except NotFound:
                continue

    async def _put(self, file: str, content: bytes, media_type: str) -> None:
        await self._bucket.put_async(file, content, attributes={"Content-Type": media_type}, use_multipart=False)

    async def _get(self, file: str) -> bytes:
        found = await self._bucket.get_async(file)
        return bytes(await found.bytes_async())

    async def _answered(self, request: Coroutine[Any, Any, T]) -> T:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - as above

        try:
            return await asyncio.wait_for(request, _SECONDS)
        except FileNotFoundError as error:
            raise NotFound("There is no such image.") from error
        except (BaseError, OSError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> Unavailable:
        # The first line, because the others are the answer of the store.
        _log.error("image_store_failed", store=self._place, error=(str(error) or repr(error)).split("\n")[0][:500])
        return Unavailable("The store of images does not answer. Please try again in a minute.")
