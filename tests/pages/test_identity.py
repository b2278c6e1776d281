"""How an organization looks to its fans: logo, colour and images, from the upload to pages and e-mails."""

import re
from typing import Any

import httpx
import pytest

from tests.notifications.test_email_rendering import text_of
from tests.notifications.test_organizations import rendered
from tests.pages.test_dashboard import HOME, Office, office  # noqa: F401 - a fixture
from tests.pages.test_fans import Browser
from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.test_pictures import drawn
from tests.web.test_http import unchanged
from waiting_list.catalogue.images import delete_unshown
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.looks import palette
from waiting_list.pictures import MOST_BYTES

SETTINGS = f"{HOME}/settings"
EVENT = f"{HOME}/events/ev_1"
PHOTO = drawn("JPEG", (2000, 1000))


async def uploaded(browser: Browser, path: str, content: bytes | None, **form: str) -> httpx.Response:
    """Send a form with a file, as a browser does; without `content`, one in which no file was chosen."""
    sent = {"form_token": browser.token} | form
    file = ("", b"", "application/octet-stream") if content is None else ("../a.png", content, "image/png")
    return await browser.http.post(path, data=sent, files={"file": file}, headers=browser.headers)


async def with_image(office: Office, organizer: Browser) -> str:  # noqa: F811
    await organizer.get(f"{EVENT}/details")
    answer = await uploaded(organizer, f"{EVENT}/image", PHOTO)
    assert answer.status_code == 303, answer.text
    page = await organizer.get(answer.headers["location"])
    assert "The image is saved." in page.text
    url: str = (await office.shop.made("GET", "/events/ev_1"))["image_url"]
    return url.removeprefix("http://127.0.0.1:8000")


async def test_an_uploaded_image_is_shown_wherever_fans_meet_the_event(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    organizer, fan = await office.organizer(), office.browser()
    before = await fan.get("/events/ev_1")
    assert "event-image" not in str(before.attributes)
    image = await with_image(office, organizer)
    assert re.fullmatch(r"/images/[0-9a-f]{32}-1600x800\.webp", image)
    pages = [(await fan.http.get(one)).text for one in ("/events/ev_1", f"/waiting-lists/{LIST}", "/")]
    for page in pages[:2]:
        assert f'src="{image}" width="1600" height="800" alt="Jazz' in page
    assert f'src="{image.replace("/images/", "/images/small/")}"' in pages[2]
    assert f'<meta property="og:image" content="http://127.0.0.1:8000{image}">' in pages[0]
    assert '<meta property="og:title" content="Jazz' in pages[0]
    (listed,) = (await fan.http.get("/v1/user/events")).json()["items"]
    assert listed["image_url"] == f"http://127.0.0.1:8000{image}"
    # A shop that syncs its catalogue knows nothing of images, and takes none away.
    known = await office.shop.made("GET", "/events/ev_1")
    changed = {name: known[name] for name in ("title", "timezone")} | {"description": "Two bands."}
    assert (await office.shop.made("PUT", "/events/ev_1", changed))["image_url"] == known["image_url"]
    organizer.read(await organizer.http.get(f"{EVENT}/details"))
    await organizer.did(f"{EVENT}/duplicate", copy_title="Again", days="", unique="0a1b2c3d")
    copies = await office.run("SELECT image FROM events ORDER BY event_id")
    assert {row["image"] for row in copies} == {image.rpartition("/")[2]}
    organizer.read(await organizer.http.get(f"{EVENT}/details"))
    page = await organizer.did(f"{EVENT}/image", remove="yes")
    assert "The image is removed." in page.text
    assert (await office.shop.made("GET", "/events/ev_1"))["image_url"] is None


async def test_the_form_of_a_new_event_takes_its_image_and_keeps_what_was_typed_without(
    office: Office,  # noqa: F811
) -> None:
    organizer, new = await office.organizer(), f"{HOME}/events/new"
    await organizer.get(new)
    typed = {
        "title": "Winter Residency",
        "venue_name": "Le Quai",
        "timezone": "Europe/Paris",
        "unique": "0a1b2c3d",
    }
    for content, form, said in (
        (b"words", typed, "This file is no JPEG, PNG or WebP picture"),
        (PHOTO, typed | {"timezone": "Nowhere"}, "Choose the file again"),
    ):
        async with unchanged(office.app):
            answer = await uploaded(organizer, new, content, **form)
        assert (answer.status_code, said in organizer.read(answer).text) == (422, True)
        assert re.search(r'<input type="file"[^>]*aria-invalid="true"', answer.text)
        for value in form.values():
            assert f'value="{value}"' in answer.text
    for _ in range(2):  # the button pressed twice
        made = await uploaded(organizer, new, PHOTO, **typed)
        assert made.headers["location"].endswith("/dates")
    images = "SELECT image FROM events WHERE title = 'Winter Residency' ORDER BY image"
    ((image,),) = await office.run(images)
    assert image.endswith("-1600x800.webp")
    plain = await uploaded(organizer, new, None, **typed | {"unique": "0a1b2c3e"})
    assert plain.status_code == 303
    assert [one[0] for one in await office.run(images)] == [image, None]


@pytest.mark.parametrize("name", ["%00.png", "a%2Fb.webp", "x.png", "%F0%9F%8E%B7", "1" * 300 + ".webp"])
async def test_an_address_of_no_image_is_not_found(shop: Shop, name: str) -> None:
    for address in (f"/images/{name}", f"/images/small/{name}", f"/accents/{name}.css"):
        assert (await shop.http.get(address)).status_code == 404, address


async def test_an_image_is_kept_for_ever_by_caches_and_loads_from_here_alone(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    image = await with_image(office, await office.organizer())
    fan = office.browser().http
    small = image.replace("/images/", "/images/small/")
    sizes = []
    for address in (image, small):
        answer = await fan.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content[8:12] == b"WEBP"
        known = await fan.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        head = await fan.head(address)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
        sizes.append(len(answer.content))
    assert sizes[1] < sizes[0]
    for unknown in ("/images/nothing", "/images/small/nothing", image.replace("1600", "1599")):
        problem(await fan.get(unknown), 404, "not_found")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Choose a file first."),
        (b"words", "This file is no JPEG, PNG or WebP picture"),
        (PHOTO[:3000], "or it is damaged"),
        (bytes(MOST_BYTES + 1), "larger than 8 MB"),
    ],
    ids=["none", "words", "damaged", "large"],
)
async def test_a_refused_picture_marks_its_field_and_changes_nothing(
    office: Office,  # noqa: F811
    content: bytes | None,
    said: str,
) -> None:
    await office.shop.stock()
    organizer = await office.organizer()
    await with_image(office, organizer)
    for path in (f"{EVENT}/image", f"{SETTINGS}/logo"):
        async with unchanged(office.app):
            answer = await uploaded(organizer, path, content)
        assert answer.status_code == 422
        assert said in organizer.read(answer).text
        assert re.search(r'<input type="file"[^>]*aria-invalid="true"', answer.text)
        assert (await organizer.http.get(path)).status_code == 303


async def test_a_logo_and_a_colour_are_on_the_pages_of_fans(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    organizer, fan = await office.organizer(), office.browser()
    await office.shop.join("ada")
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    pages = ("/events/ev_1", f"/waiting-lists/{LIST}", "/", "/sign-in", "/e/" + link.rpartition("/")[2])
    for page in pages:
        assert "branded" not in (await fan.http.get(page)).text
    form = {"sender_name": "Le Quai & Co", "has_accent": "yes", "accent": "#C2185B"}
    await organizer.get(SETTINGS)
    page = await organizer.did(SETTINGS, **form)
    assert "Saved. It holds for your pages" in page.text
    for page_ in pages:
        text = (await fan.http.get(page_)).text
        assert '<a class="brand" href="/"><span>Le Quai &amp; Co</span></a>' in text
        assert '<link rel="stylesheet" href="/accents/c2185b.css">' in text
        assert '<body class="branded">' in text
    style = await fan.http.get("/accents/c2185b.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert f"--accent: {palette('#c2185b').dark}" in style.text
    for unknown in ("ffff00", "c2185", "C2185B;"):
        assert (await fan.http.get(f"/accents/{unknown}.css")).status_code == 404
    answer = await uploaded(organizer, f"{SETTINGS}/logo", drawn(size=(960, 160)))
    assert "The logo is saved." in (await organizer.get(answer.headers["location"])).text
    found = await office.shop.made("GET", "/organization")
    logo = found["logo_url"].removeprefix("http://127.0.0.1:8000")
    assert (re.fullmatch(r"/images/[0-9a-f]{32}-480x80\.png", logo) is not None, found["accent"]) == (
        True,
        "#c2185b",
    )
    for page_ in pages:
        shown = f'src="{logo}" width="480" height="80" alt="Le Quai &amp; Co"'
        assert shown in (await fan.http.get(page_)).text
    assert (await fan.http.get(logo)).headers["content-type"] == "image/png"
    seen = (await fan.http.get(f"/v1/user/waiting-lists/{LIST}")).json()["organizer"]
    assert (seen["name"], seen["logo_url"], seen["accent"]) == ("Le Quai & Co", found["logo_url"], "#c2185b")
    assert seen["colors"] == palette("#c2185b").model_dump()
    # Of the dashboard, the colour is on the sample alone.
    assert '<body class="wide">' in (await organizer.http.get(SETTINGS)).text
    gone = await office.shop.made("PATCH", "/organization", {"logo_url": None, "accent": None})
    assert (gone["logo_url"], gone["accent"], gone["sender_name"]) == (None, None, "Le Quai & Co")
    assert "/accents/" not in (await fan.http.get("/")).text
    # Whoever picks a colour and forgets the tick means it; the present colour without the tick is taken away.
    for sent, kept in (("#a4123f", "#a4123f"), ("#a4123f", None), ("#1b4f9c", None)):
        await organizer.get(SETTINGS)
        await organizer.did(SETTINGS, sender_name="Le Quai & Co", accent=sent)
        assert (await office.shop.made("GET", "/organization"))["accent"] == kept


async def test_a_pale_colour_keeps_the_rest_of_the_form(office: Office) -> None:  # noqa: F811
    organizer = await office.organizer()
    await organizer.get(SETTINGS)
    async with unchanged(office.app):
        page = await organizer.refused(SETTINGS, 422, sender_name="Le Quai", has_accent="yes", accent="#ffff00")
    assert "Too pale" in page.text
    text = str(page.attributes)
    assert ("#ffff00" in text, "Le Quai" in text) == (True, True)
    answer = await office.shop.organizer("PATCH", "/organization", {"accent": "#ffff00"})
    assert "needs 3:1" in problem(answer, 422, "invalid_request")["errors"][0]["message"]


async def test_the_images_of_another_organization_stay_out_of_reach(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    image = await with_image(office, await office.organizer())
    other = await office.organizer(await office.key(organization_id="org_2"))
    assert (await uploaded(other, f"{EVENT}/image", PHOTO)).status_code == 404
    assert (await other.post(f"{EVENT}/image", remove="yes")).status_code == 404
    assert (await office.shop.made("GET", "/events/ev_1"))["image_url"].endswith(image)
    # The same picture of another organization has an address of its own.
    await uploaded(other, f"{SETTINGS}/logo", drawn())
    await uploaded(await office.organizer(), f"{SETTINGS}/logo", drawn())
    assert len(await office.run("SELECT FROM images WHERE image LIKE '%.png'")) == 2


async def test_a_form_with_a_file_from_another_page_or_without_its_token_is_refused(
    office: Office,  # noqa: F811
) -> None:
    await office.shop.stock()
    organizer = await office.organizer()
    async with unchanged(office.app):
        assert (await uploaded(organizer, f"{EVENT}/image", PHOTO, form_token="x")).status_code == 403
        stranger = await uploaded(office.browser(), f"{EVENT}/image", PHOTO)
        assert stranger.headers["location"].startswith(f"{HOME}/sign-in")
        organizer.headers["Origin"] = "https://elsewhere.example"
        assert (await uploaded(organizer, f"{EVENT}/image", PHOTO)).status_code == 403
        del organizer.headers["Origin"]
        for body in (b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1"):
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            answer = await organizer.http.post(f"{EVENT}/image", content=body, headers=headers)
            assert answer.status_code in (403, 422), answer.text


async def test_only_a_form_with_a_picture_may_be_large(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    organizer = await office.organizer()
    large = bytes(100_000)
    assert (await uploaded(organizer, f"{EVENT}/image", large)).status_code == 422
    for path in (f"{EVENT}/details", SETTINGS, f"{EVENT}/image/more", "/v1/user/events"):
        assert (await uploaded(organizer, path, large)).status_code == 413
    too_large = await uploaded(organizer, f"{EVENT}/image", bytes(17 * 1024 * 1024))
    assert too_large.status_code == 413


async def test_an_image_that_is_shown_nowhere_is_deleted_after_a_day(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    organizer, pool = await office.organizer(), office.app.state.service.pool

    async def kept() -> int:
        await delete_unshown(pool)
        return len(await office.run("SELECT FROM images"))

    await with_image(office, organizer)
    await uploaded(organizer, f"{SETTINGS}/logo", drawn())
    await uploaded(organizer, f"{SETTINGS}/logo", drawn(size=(200, 200)))
    assert await kept() == 3
    await office.run("UPDATE images SET created_at = created_at - interval '25 hours'")
    assert await kept() == 2  # the first logo
    await organizer.post(f"{EVENT}/image", remove="yes")
    assert await kept() == 1


def test_an_e_mail_has_the_logo_the_colour_and_the_name_of_the_organizer() -> None:
    sender: dict[str, Any] = {
        "sender_name": "Le Quai",
        "logo_link": "https://tickets.example/images/0123456789abcdef0123456789abcdef-480x160.png",
        "colors": palette("#c2185b"),
    }
    letter = rendered(EmailKind.READY, "en", **sender)
    html, ours = text_of(letter, "html"), text_of(rendered(EmailKind.READY, "en"), "html")
    assert f'<img src="{sender["logo_link"]}" width="144" height="48" alt="Le Quai">' in html
    assert "<img" not in ours
    assert f"background: {palette('#c2185b').light}; color: #ffffff" in html
    assert "#1b4f9c" in ours
    assert "#1b4f9c" not in html
    said = "You are receiving this email from Le Quai because this address was given"
    for text in (html, " ".join(text_of(letter).split())):
        assert said in text
    assert "You are receiving this email because this address was given" in ours


async def test_the_e_mails_of_an_organization_look_like_it(office: Office) -> None:  # noqa: F811
    await office.shop.stock()
    organizer = await office.organizer()
    await office.shop.made("PATCH", "/organization", {"sender_name": "Le Quai", "accent": "#c2185b"})
    await organizer.get(SETTINGS)
    await uploaded(organizer, f"{SETTINGS}/logo", drawn())
    asked = {"kind": "ready", "locale": "en"}
    shown = await office.shop.made("POST", "/events/ev_1/wording/preview", asked)
    logo = (await office.shop.made("GET", "/organization"))["logo_url"]
    assert f'<img src="{logo}"' in shown["html"]
    assert palette("#c2185b").light in shown["html"]
    assert ORGANIZATION not in shown["html"]


async def test_the_sign_in_names_organizers_and_not_their_ids(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", "/organization", {"sender_name": "Le Quai"})
    text = (await shop.http.get("/sign-in")).text
    assert "<span>Le Quai</span>" in text
