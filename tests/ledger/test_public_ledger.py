"""The public calls for a ledger: what anybody reads, how long caches keep it, and when it is not public."""

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.ledger.test_merkle import is_included, mth
from tests.support.shop import LIST, Shop, problem
from waiting_list.ledger import verify_ledger
from waiting_list.ledger.verify_ledger import verify_receipt

PREFIX = f"/v1/user/waiting-lists/{LIST}"
HASH = 32


async def joined(shop: Shop, count: int) -> None:
    await shop.stock()
    for number in range(count):
        await shop.join(f"fan{number}")


async def read(shop: Shop, path: str) -> bytes:
    answer = await shop.http.get(f"{PREFIX}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.content


async def head(shop: Shop) -> tuple[int, bytes]:
    _, size, root, *_ = (await read(shop, "checkpoint")).decode().split("\n")
    return int(size), b64decode(root)


async def test_whoever_downloads_the_ledger_computes_the_root_of_the_checkpoint(shop: Shop) -> None:
    await joined(shop, 4)
    size, root = await head(shop)
    lines = (await read(shop, "ledger")).split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line)["verb"] for line in lines] == ["create", *["put_offer"] * (size - 5), *["join"] * 4]
    leaves = [sha256(b"\0" + line).digest() for line in lines]
    assert (len(leaves), mth(leaves)) == (size, root)
    assert await read(shop, f"tile/0/000.p/{size}") == b"".join(leaves)
    bundle, rest = [], await read(shop, f"tile/entries/000.p/{size}")
    while rest:
        length = int.from_bytes(rest[:2])
        bundle.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    assert bundle == lines
    assert (await read(shop, f"ledger?from={size}")).splitlines() == lines[-1:]
    assert await read(shop, f"ledger?from={size + 1}") == b""
    problem(await shop.http.get(f"{PREFIX}/ledger?from=0"), 422, "invalid_request")


async def test_the_origin_is_the_address_and_the_key_its_own(shop: Shop) -> None:
    await joined(shop, 1)
    note = (await read(shop, "checkpoint")).decode()
    origin = note.split("\n")[0]
    assert origin.endswith(PREFIX)
    assert "//" not in origin
    assert (await read(shop, "ledger-keys")).decode().startswith(f"{origin}+")


@pytest.mark.parametrize(
    "tile",
    [
        "0/000",
        "0/000.p/200",
        "0/000.p/256",
        "0/000.p/0",
        "0/001",
        "1/000.p/1",
        "64/000",
        "0/x000/000",
        "0/0",
        "entries/000",
        "other/000",
        "0/000.p/1/2",
    ],
)
async def test_a_tile_that_the_checkpoint_does_not_cover_is_not_there(shop: Shop, tile: str) -> None:
    await joined(shop, 2)
    problem(await shop.http.get(f"{PREFIX}/tile/{tile}"), 404, "tile_not_found")


async def test_a_list_with_many_changes_has_full_tiles(shop: Shop) -> None:
    await joined(shop, 260)
    size, root = await head(shop)
    full, rest = await read(shop, "tile/0/000"), await read(shop, f"tile/0/001.p/{size - 256}")
    leaves = [(full + rest)[at : at + HASH] for at in range(0, size * HASH, HASH)]
    assert await read(shop, "tile/1/000.p/1") == mth(leaves[:256])
    assert mth(leaves) == root


async def test_only_a_list_that_says_so_has_a_public_ledger(shop: Shop) -> None:
    await joined(shop, 1)
    assert (await shop.made("GET", f"/waiting-lists/{LIST}"))["public_ledger"] is True
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"public_ledger": False})
    for path in ("checkpoint", "ledger-keys", "ledger", "tile/0/000.p/1"):
        problem(await shop.http.get(f"{PREFIX}/{path}"), 404, "ledger_not_public")
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"public_ledger": True})
    lines = (await read(shop, "ledger")).splitlines()
    assert [json.loads(line)["after"] for line in lines[-2:]] == [
        {"public_ledger": False},
        {"public_ledger": True},
    ]
    other = PREFIX.replace("rep_1", "rep_9")
    problem(await shop.http.get(f"{other}/checkpoint"), 404, "inventory_not_found")


async def test_a_webhook_that_asks_for_checkpoints_gets_them_and_no_other(shop: Shop) -> None:
    await joined(shop, 1)
    addresses = {"https://example.org/a": ["checkpoint.published"], "https://example.org/b": []}
    made = {}
    for url, types in addresses.items():
        made[url] = (await shop.made("POST", "/webhooks", {"url": url, "types": types}))["webhook_id"]
    await shop.join("late")
    note = (await read(shop, "checkpoint")).decode()
    found = {
        url: [one["type"] for one in (await shop.made("GET", f"/webhooks/{webhook_id}/deliveries"))["items"]]
        for url, webhook_id in made.items()
    }
    assert found["https://example.org/a"] == ["checkpoint.published"]
    assert "checkpoint.published" not in found["https://example.org/b"]
    assert note.split("\n")[1] == str(len((await read(shop, "ledger")).splitlines()))


async def test_a_receipt_proves_a_change_without_the_service(shop: Shop) -> None:
    await joined(shop, 3)
    token = await shop.token("fan1")
    for verb, parameters in (("join", ""), ("change", "?verb=change")):
        if verb == "change":
            await shop.user("fan1", "PATCH", body={"tickets_wanted": 2, "tickets_minimum": 1})
        answer = await shop.http.get(
            f"{PREFIX}/entry/receipt{parameters}", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text
        proof, _, note = answer.text.partition("\n\n")
        kind, extra, index, *path = proof.split("\n")
        form, key = b64decode(extra.removeprefix("extra ")).rsplit(b"\n", 1)
        assert kind == "c2sp.org/tlog-proof@v1"
        said = json.loads(form)
        assert (said["verb"], said["number"]) == (verb, 2)
        assert int(index.removeprefix("index ")) == said["sequence"] - 1
        text, _, signature = note.rpartition("\n\n")
        origin, size, root = text.split("\n")
        assert is_included(
            sha256(b"\0" + form).digest(),
            said["sequence"] - 1,
            int(size),
            b64decode(root),
            [*map(b64decode, path)],
        )
        public = b64decode(key.decode().split("+", 2)[2])[1:]
        made = b64decode(signature.rstrip("\n").split(" ")[2])
        Ed25519PublicKey.from_public_bytes(public).verify(made[4:], (text + "\n").encode())
        assert origin.endswith(PREFIX)
    bought = await shop.http.get(f"{PREFIX}/entry/receipt?verb=buy", headers={"Authorization": f"Bearer {token}"})
    problem(bought, 422, "invalid_request")
    other = await shop.token("nobody")
    problem(
        await shop.http.get(f"{PREFIX}/entry/receipt", headers={"Authorization": f"Bearer {other}"}),
        404,
        "not_in_list",
    )


async def test_a_fan_downloads_the_receipts_on_the_page_of_the_place(shop: Shop) -> None:
    await joined(shop, 3)
    await shop.user("fan1", "PATCH", body={"tickets_wanted": 2, "tickets_minimum": 1})
    link = urlsplit((await shop.made("POST", f"/waiting-lists/{LIST}/entries/fan1/link"))["url"]).path
    signed_in = {"token": await shop.token("fan1"), "next": f"/waiting-lists/{LIST}/place"}
    await shop.http.post("/sign-in/with-token", data=signed_in)
    for place in (link, signed_in["next"]):
        shown = (await shop.http.get(place)).text
        found = re.findall(rf'href="({place}/receipts/\w+)"', shown)
        assert found == [f"{place}/receipts/{verb}" for verb in ("join", "move", "change")]
        for address in found:
            answer = await shop.http.get(address)
            change, _, _ = verify_receipt(answer.text)
            verb = address.rpartition("/")[2]
            assert (change["number"], change["verb"]) == (2, verb)
            assert f'filename="2-{verb}.tlog-proof"' in answer.headers["content-disposition"]
            assert f"as change {change['sequence']}" in shown
        for other in ("buy", "leave"):
            assert (await shop.http.get(f"{place}/receipts/{other}")).status_code == 404
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"public_ledger": False})
    assert "/receipts/" not in (await shop.http.get(link)).text
    assert (await shop.http.get(f"{link}/receipts/join")).status_code == 404


async def test_the_page_that_checks_receipts_allows_only_what_is_in_it(shop: Shop) -> None:
    answer = await shop.http.get("/verify")
    policy = answer.headers["content-security-policy"]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        hashed = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{hashed}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert f'content="{policy.removesuffix("; frame-ancestors " + chr(39) + "none" + chr(39))}"' in answer.text
    script = await shop.http.get("/verify/verify_ledger.py")
    assert script.content == Path(verify_ledger.__file__).read_bytes()


async def test_a_page_tells_people_how_the_list_was_served(shop: Shop) -> None:
    await joined(shop, 4)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/fan3/move", {"to": "first", "reason": "secret"})
    await shop.made("DELETE", f"/waiting-lists/{LIST}/entries/fan2")
    page = f"/waiting-lists/{LIST}/ledger"
    answer = await shop.http.get(page)
    shown = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Number 1 got 1 ticket: next in line" in shown
    assert "Number 2 got 1 ticket: next in line" in shown
    assert "Moved number 4 to another place in line, for a reason that is not public" in shown
    assert "Removed number 3" in shown
    size, _ = await head(shop)
    assert (
        f"{size} changes are signed, by the key {(await read(shop, 'ledger-keys')).decode().split('+')[1]}"
        in shown
    )
    assert "secret" not in answer.text
    assert "fan" not in re.sub(r"\bfans?\b", "", shown)
    listed = (await shop.http.get(f"/waiting-lists/{LIST}")).text
    assert f'href="{page}"' in listed
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"public_ledger": False})
    assert (await shop.http.get(page)).status_code == 404
    assert f'href="{page}"' not in (await shop.http.get(f"/waiting-lists/{LIST}")).text


async def test_a_fan_sees_who_was_served_instead_and_each_proof(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"policy": "skip"})
    for user, wanted in (("ada", 1), ("bob", 4), ("cleo", 1), ("dan", 1)):
        await shop.join(user, wanted)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    await shop.made(
        "POST", f"/waiting-lists/{LIST}/entries/dan/grant", {"tickets": 1, "add_stock": True, "reason": "secret"}
    )
    link = urlsplit((await shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link"))["url"]).path
    assert f'href="{link}/served"' in (await shop.http.get(link)).text
    answer = await shop.http.get(f"{link}/served")
    shown = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    said = [
        "Number 4 got 1 ticket. The organizer gave them past the line.",
        "Number 3 got 1 ticket. You accepted no fewer than 4, and 1 ticket was free.",
        "Number 1 got 1 ticket. It stood before you.",
    ]
    assert sorted(said, key=shown.index) == said
    assert not re.search("secret|ada|cleo|dan", answer.text)
    proofs = re.findall(r'href="(/v1/\S+/ledger/(\d+)/receipt)"', answer.text)
    for (address, sequence), number in zip(proofs, (4, 3, 1), strict=True):
        change, _, _ = verify_receipt((await shop.http.get(address)).text)
        assert (change["sequence"], change["number"]) == (int(sequence), number)
        assert change["verb"] in ("promote", "grant")
    older = (await shop.http.get(f"{link}/served?before={proofs[0][1]}")).text
    assert "past the line" not in older
    size, _ = await head(shop)
    problem(await shop.http.get(f"{PREFIX}/ledger/{size + 1}/receipt"), 404, "change_not_found")
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"public_ledger": False})
    problem(await shop.http.get(f"{PREFIX}/ledger/1/receipt"), 404, "ledger_not_public")
    assert (await shop.http.get(f"{link}/served")).status_code == 404
    assert "/served" not in (await shop.http.get(link)).text
