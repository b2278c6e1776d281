"""The version of an inventory over HTTP: its ETag, and PUT with If-Match."""

import httpx
import pytest

from tests.support.shop import LIST, Shop, problem

PATH = f"/inventory/{LIST}"


async def put(shop: Shop, available: int, *tags: str) -> httpx.Response:
    headers = [("Authorization", f"Bearer {shop.key}"), *(("If-Match", tag) for tag in tags)]
    body = {"total_stock": 100, "available_stock": available}
    return await shop.http.put(f"/v1/organizer{PATH}", json=body, headers=headers)


async def test_every_answer_with_an_inventory_has_its_version_as_its_etag(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    answers = [
        await shop.organizer("GET", PATH),
        await shop.organizer("HEAD", PATH),
        await put(shop, 3),
        await shop.organizer("POST", f"{PATH}/add-stock", {"quantity": 2}, headers={"Idempotency-Key": "a"}),
        await shop.organizer("POST", f"{PATH}/add-stock", {"quantity": 2}, headers={"Idempotency-Key": "a"}),
        await shop.organizer("POST", f"{PATH}/remove-stock", {"quantity": 1}),
        await shop.organizer("POST", f"{PATH}/add-total-stock", {"quantity": 1}),
        await shop.organizer("POST", f"{PATH}/remove-total-stock", {"quantity": 1}),
        await shop.organizer("POST", f"/waiting-lists/{LIST}/promote", {"tickets": 1}),
    ]
    tags = [answer.headers["ETag"] for answer in answers]
    assert tags[1] == tags[0]
    assert tags[4] == tags[3]
    bodies = [answer.json() for answer in answers if answer.content]
    assert [f'"{body["version"]}"' for body in bodies] == tags[:1] + tags[2:]
    versions = [body["version"] for body in bodies]
    assert versions == sorted(versions)
    (listed,) = (await shop.made("GET", "/inventory"))["items"]
    assert listed == await shop.made("GET", PATH)


async def test_a_put_names_the_fans_who_became_ready(shop: Shop) -> None:
    await shop.stock()
    for fan in ("ada", "bob"):
        await shop.join(fan)
    answer = await put(shop, 1)
    (ada,) = answer.json()["promoted"]
    assert (answer.status_code, ada["user_id"], ada["status"]) == (200, "ada", "ready")
    assert ada["purchase_pass"]
    new = await shop.organizer("PUT", "/inventory/off_1/rep_2", {"total_stock": 1, "available_stock": 1})
    assert problem(new, 404, "representation_not_found")
    assert (await put(shop, 1)).json()["promoted"] == []


async def test_sold_tickets_do_not_come_back_with_the_number_of_before(shop: Shop) -> None:
    await shop.stock(available=10)
    known = (await shop.organizer("GET", PATH)).headers["ETag"]
    await shop.made("POST", f"{PATH}/remove-stock", {"quantity": 3})
    refused = problem(await put(shop, 10, known), 412, "stale_version")
    now = await shop.made("GET", PATH)
    assert refused["inventory"] == now
    assert now["available_stock"] == 7
    again = await put(shop, 6, f'"{refused["inventory"]["version"]}"')
    assert (again.status_code, again.json()["available_stock"]) == (200, 6)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (["*"], 200),
        ([" * "], 200),
        (["{tag}"], 200),
        (['"other", {tag}'], 200),
        (['"a,b" ,, {tag} ,'], 200),
        (['"other"', "{tag}"], 200),
        (["W/{tag}"], 412),
        (['W/{tag}, "other"'], 412),
        (['"0{version}"'], 412),
        (['"{version}0"'], 412),
        (['""'], 412),
        ([""], 412),
        (["{version}"], 422),
        (['"open'], 422),
        (["*, {tag}"], 422),
        (["{tag}{tag}"], 422),
        (["w/{tag}"], 422),
    ],
)
async def test_if_match_is_read_as_rfc_9110_says(shop: Shop, sent: list[str], status: int) -> None:
    await shop.stock(available=10)
    version = (await shop.made("GET", PATH))["version"]
    tags = [tag.format(tag=f'"{version}"', version=version) for tag in sent]
    answer = await put(shop, 9, *tags)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "header.if-match"
    assert (await shop.made("GET", PATH))["available_stock"] == (9 if status == 200 else 10)


async def test_if_match_makes_no_inventory(shop: Shop) -> None:
    await shop.stock()
    await shop.made("DELETE", PATH)
    refused = problem(await put(shop, 1, "*"), 412, "stale_version")
    assert "inventory" not in refused
    problem(await shop.organizer("GET", PATH), 404, "inventory_not_found")
    assert (await put(shop, 1)).status_code == 201
