"""Make a picture for pages from a file that an organizer uploads.

The file is not trusted. It is decoded by a library, in one thread, and written anew: so a page shows no byte of
the file itself, and no place or camera that the file names. A picture that would take too much memory is refused
by its header, before it is decoded.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 8 * 1024 * 1024
"""The most bytes of a file."""
MOST_PIXELS = 50_000_000
"""The most pixels of a file: what a phone takes. Decoded, they need 200 MB."""


class Why(StrEnum):
    """Why a file makes no picture."""

    MISSING = "missing"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNKNOWN = "unknown"
    """It is none of JPEG, PNG and WebP, or it is damaged."""


class NoPicture(Exception):
    """The file makes no picture."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class NewImage(NamedTuple):
    """A picture as pages show it, and, of a wide one, a small form for phones and lists."""

    content: bytes
    small: bytes | None
    width: int
    height: int
    ending: str


async def logo(uploaded: bytes) -> NewImage:
    """Make a logo of at most 480 by 160 pixels, as PNG, which every mail program shows. Raises NoPicture."""
    return await _in_thread(uploaded, (480, 160), "png")


async def event_image(uploaded: bytes) -> NewImage:
    """Make an event's image of at most 1600 by 900 pixels, as WebP, with a form of at most 640 by 640.

    Raises NoPicture."""
    return await _in_thread(uploaded, (1600, 900), "webp")


async def _in_thread(uploaded: bytes, most: tuple[int, int], ending: str) -> NewImage:
    if not uploaded:
        raise NoPicture(Why.MISSING)
    if len(uploaded) > MOST_BYTES:
        raise NoPicture(Why.TOO_LARGE)
    return await asyncio.get_running_loop().run_in_executor(_one_thread(), _made, uploaded, most, ending)


@cache
def _one_thread() -> ThreadPoolExecutor:
    # One picture at a time, so that the memory is bounded and other calls go on.
    return ThreadPoolExecutor(1, "pictures")


def _made(uploaded: bytes, most: tuple[int, int], ending: str) -> NewImage:
    # Late, because a process that gets no picture needs none of it.
    from PIL import Image, ImageOps  # noqa: PLC0415

    # Pillow's own limit is a warning, and higher than ours.
    Image.MAX_IMAGE_PIXELS = None
    try:
        found = Image.open(BytesIO(uploaded), formats=("JPEG", "PNG", "WEBP"))
        if found.width * found.height > MOST_PIXELS:
            raise NoPicture(Why.TOO_MANY_PIXELS)
        with found:
            found.seek(0)
            image = _plain(found, max(most))
            image = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what the decoders raise for damaged files
        raise NoPicture(Why.UNKNOWN) from error
    image.thumbnail(most, Image.Resampling.LANCZOS)
    # Whatever the file says beside its pixels stays behind.
    image.info = {}
    small = None
    if ending == "webp":
        smaller = image.copy()
        smaller.thumbnail((640, 640), Image.Resampling.LANCZOS)
        small = _written(smaller, ending)
    return NewImage(_written(image, ending), small, image.width, image.height, ending)


def _plain(found: "Image", most: int) -> "Image":
    """Return the first picture of a file in RGB, or RGBA, of no more than some pixels a side."""
    from PIL import Image, ImageCms  # noqa: PLC0415 - as above

    # First, so that a JPEG is not even decoded at its full size. A palette has no colours between its own.
    if found.mode != "P":
        found.thumbnail((most, most), Image.Resampling.LANCZOS)
    image = found.convert("RGBA" if found.has_transparency_data else "RGB")
    if profile := found.info.get("icc_profile"):
        # A phone's colours are wider than a page's; without its profile they would look dull.
        with suppress(ImageCms.PyCMSError, OSError):
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), inPlace=True)
    return image


def _written(image: "Image", ending: str) -> bytes:
    out = BytesIO()
    if ending == "png":
        image.save(out, "PNG", optimize=True)
    else:
        image.save(out, "WEBP", quality=80, method=4)
    return out.getvalue()
