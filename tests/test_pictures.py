"""A picture of an uploaded file: made anew, small, upright, and without what the file says beside its pixels."""

import zlib
from io import BytesIO

import pytest
from PIL import Image

from waiting_list import pictures
from waiting_list.pictures import NoPicture, Why


def drawn(kind: str = "PNG", size: tuple[int, int] = (400, 100), mode: str = "RGB", **more: object) -> bytes:
    """A picture whose left half is red."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def bomb(width: int, height: int) -> bytes:
    """A small PNG whose header promises so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    row = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_is_scaled_down_and_written_anew(kind: str) -> None:
    made = await pictures.event_image(drawn(kind, (4000, 1000)))
    assert (made.width, made.height, made.ending) == (1600, 400, "webp")
    assert made.small is not None
    for content, size in ((made.content, (1600, 400)), (made.small, (640, 160))):
        image = opened(content)
        assert (image.format, image.size) == ("WEBP", size)
        red, _, blue = image.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
        assert red > 200
        assert blue < 50


async def test_a_logo_keeps_its_transparency_and_is_not_scaled_up() -> None:
    made = await pictures.logo(drawn(size=(30, 10), mode="RGBA"))
    assert (opened(made.content).format, opened(made.content).mode, made.small) == ("PNG", "RGBA", None)
    assert (made.width, made.height) == (30, 10)
    palette = BytesIO()
    Image.new("P", (900, 900)).save(palette, "PNG", transparency=0)
    made = await pictures.logo(palette.getvalue())
    assert (made.width, made.height, opened(made.content).mode) == (160, 160, "RGBA")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_stands_upright_and_loses_the_place_where_it_was_taken(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.6)
    exif[0x010F] = "Camera of Ada"
    uploaded = drawn(kind, (400, 100), exif=exif)
    assert b"Camera of Ada" in uploaded
    made = await pictures.event_image(uploaded)
    image = opened(made.content)
    assert image.size == (made.width, made.height) == (100, 400)
    assert image.convert("RGB").getpixel((50, 20))[0] > 200  # type: ignore[index]
    assert not dict(image.getexif())
    assert not {"exif", "xmp", "icc_profile"} & image.info.keys()
    assert b"Camera" not in made.content


async def test_an_animation_becomes_its_first_picture() -> None:
    out = BytesIO()
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("green", "black")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    image = opened((await pictures.event_image(out.getvalue())).content)
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((25, 25))[1] > 80  # type: ignore[index]


@pytest.mark.parametrize(
    ("uploaded", "why"),
    [
        (b"", Why.MISSING),
        (bytes(pictures.MOST_BYTES + 1), Why.TOO_LARGE),
        (b"just some words", Why.UNKNOWN),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', Why.UNKNOWN),
        (drawn("GIF"), Why.UNKNOWN),
        (drawn("PNG")[:-30], Why.UNKNOWN),
        (drawn("JPEG", (900, 900))[:2000], Why.UNKNOWN),
        (drawn("WEBP", (900, 900))[:200], Why.UNKNOWN),
        (bomb(9000, 9000), Why.TOO_MANY_PIXELS),
        (bomb(200_000, 200_000), Why.TOO_MANY_PIXELS),
        (bomb(2000, 2000), Why.UNKNOWN),
    ],
    ids=lambda value: value.name if isinstance(value, Why) else f"{len(value)}-bytes",
)
async def test_a_file_that_makes_no_picture_says_why(uploaded: bytes, why: Why) -> None:
    with pytest.raises(NoPicture) as refused:
        await pictures.event_image(uploaded)
    assert refused.value.why is why
