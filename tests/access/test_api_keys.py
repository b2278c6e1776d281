"""API keys: their scopes, expiry, rotation, and last use."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.credentials import credentials
from tests.support.shop import ORGANIZATION, Shop, problem
from tests.web.test_http import routes, unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.postgres.migrate import migrations
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import Unauthenticated
from waiting_list.settings import Settings
from waiting_list.web.routes import OrganizerRoute

NEEDED = {
    Scope.STOCK: (
        "put_event delete_event put_representation delete_representation put_offer delete_offer put_inventory"
        " delete_inventory add_stock remove_stock add_total_stock remove_total_stock promote"
        " cancel_representation reinstate_representation"
    ),
    Scope.ENTRIES: (
        "configure draw join_for_user remove buy buy_with_pass move create_user_token make_link revoke_link"
        " sign_out_user remove_lookalikes restore change_for_user give_back_for_user"
        " pause_for_user unpause_for_user"
        " extend extend_all checkout checkout_with_pass grant message message_event"
        " change_wording reset_wording preview_wording"
    ),
    Scope.ADMIN: (
        "erase create_webhook change_webhook delete_webhook rotate_webhook_secret test_webhook redeliver"
        " set_gateway delete_gateway test_gateway"
        " resend_notice change_organization create_api_key rotate_api_key revoke_api_key"
    ),
}
"""What a key needs to change something; to read, it needs `read`."""


async def made(pool: Pool, *scopes: Scope, lifetime: timedelta | None = None) -> str:
    created, _ = await create_api_key(pool, ORGANIZATION, name="t", scopes=scopes, lifetime=lifetime)
    return created.key


async def keys_of(shop: Shop) -> dict[str, dict[str, Any]]:
    return {one["key_id"]: one for one in (await shop.made("GET", "/api-keys"))["items"]}


def changes(app: FastAPI) -> dict[str, Scope]:
    """Return the scope that each changing call of organizers requires."""
    return {
        str(route.operation_id): route.scope
        for route in app.routes
        if isinstance(route, OrganizerRoute) and route.methods.isdisjoint({"GET", "HEAD"})
    }


def test_every_call_that_changes_something_needs_the_scope_that_we_say(app: FastAPI) -> None:
    said = {name: scope for scope, names in NEEDED.items() for name in names.split()}
    assert changes(app) == said


@pytest.mark.parametrize("scope", [*Scope, None], ids=str)
async def test_a_key_does_what_its_scopes_say_and_nothing_else(
    app: FastAPI, shop: Shop, pool: Pool, scope: Scope | None
) -> None:
    await shop.stock()
    scopes = [scope] if scope else [Scope.READ, Scope.STOCK, Scope.ENTRIES]
    key, needed = await made(app.state.service.pool, *scopes), changes(app)
    async with unchanged(app):
        for method, template, kind in routes(app):
            if kind != "organizer":
                continue
            route = next(
                one
                for one in app.routes
                if isinstance(one, OrganizerRoute) and one.path == template and method in one.methods
            )
            wanted = Scope.READ if method == "GET" else needed[str(route.operation_id)]
            path = template.removeprefix("/v1/organizer").format_map(dict.fromkeys(route.param_convertors, "none"))
            # An unknown field, so that an accepted call changes nothing either.
            body = None if method == "GET" else {"no such field": 1}
            answer = await shop.organizer(method, path, body, key=key)
            if Scope.ADMIN in scopes or wanted in scopes:
                assert answer.status_code not in (401, 403), (method, template, answer.text)
            else:
                problem(answer, 403, "forbidden")
                assert answer.json()["scope"] == wanted


async def test_a_key_is_made_with_scopes_and_an_end_by_who_may(app: FastAPI, shop: Shop) -> None:
    created = await shop.made(
        "POST", "/api-keys", {"name": "till", "scopes": ["stock", "read", "stock"], "expires_in": 3600}
    )
    assert created["scopes"] == ["read", "stock"]
    assert not created["read_only"]
    lasts = datetime.fromisoformat(created["expires_at"]) - datetime.fromisoformat(created["created_at"])
    assert lasts == timedelta(hours=1)
    full, reader = (
        await shop.made("POST", "/api-keys", {"name": "x"}),
        await shop.made("POST", "/api-keys", {"name": "x", "read_only": True}),
    )
    assert (full["scopes"], full["expires_at"]) == (["admin"], None)
    assert (reader["scopes"], reader["read_only"]) == (["read"], True)
    async with unchanged(app):
        for wrong in (
            {"scopes": []},
            {"scopes": ["everything"]},
            {"scopes": "read"},
            {"scopes": ["stock"], "read_only": True},
            {"expires_in": 0},
            {"expires_in": -1},
            {"expires_in": 2**31},
            {"organization_id": "org_2"},
            {"key_id": "mine"},
        ):
            refused = await shop.organizer("POST", "/api-keys", {"name": "x"} | wrong)
            problem(refused, 422, "invalid_request")
        # A key with less makes none with more.
        for less in (reader["key"], created["key"]):
            problem(await shop.organizer("POST", "/api-keys", {"name": "x"}, key=less), 403, "forbidden")


async def test_a_key_that_has_expired_opens_nothing_and_is_listed(app: FastAPI, shop: Shop) -> None:
    key = await made(app.state.service.pool, Scope.ADMIN, lifetime=timedelta(hours=1))
    assert (await shop.organizer("GET", "/events", key=key)).status_code == 200
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("UPDATE api_keys SET expires_at = now() WHERE lifetime IS NOT NULL")
    problem(await shop.organizer("GET", "/events", key=key), 401, "unauthenticated")
    assert (await keys_of(shop))[key.split("_")[1]]["expires_at"] is not None


async def test_a_rotated_key_and_its_successor_are_both_good_for_a_while(app: FastAPI, shop: Shop) -> None:
    pool = app.state.service.pool
    old = await made(pool, Scope.READ, Scope.STOCK, lifetime=timedelta(days=90))
    old_id = old.split("_")[1]
    headers = {"Idempotency-Key": "rotate"}
    new = await shop.made("POST", f"/api-keys/{old_id}/rotate", {"overlap": 600}, headers=headers)
    again = await shop.made("POST", f"/api-keys/{old_id}/rotate", {"overlap": 600}, headers=headers)
    assert again == new
    assert new["key_id"] != old_id
    assert (new["scopes"], new["name"]) == (["read", "stock"], "t")
    for key in (old, new["key"]):
        assert (await shop.organizer("GET", "/events", key=key)).status_code == 200
    ends = datetime.fromisoformat((await keys_of(shop))[old_id]["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=570) < ends <= timedelta(seconds=600)
    # The successor has the lifetime that the old one had, not what was left of it.
    assert datetime.fromisoformat(new["expires_at"]) - datetime.now(UTC) > timedelta(days=89)
    other = await shop.made("POST", f"/api-keys/{old_id}/rotate", {"overlap": 10**6})
    assert datetime.fromisoformat(other["expires_at"]) - datetime.now(UTC) > timedelta(days=89)
    later = datetime.fromisoformat((await keys_of(shop))[old_id]["expires_at"]) - datetime.now(UTC)
    assert later < timedelta(seconds=600)
    await shop.made("POST", f"/api-keys/{new['key_id']}/rotate", {"overlap": 0})
    problem(await shop.organizer("GET", "/events", key=new["key"]), 401, "unauthenticated")


async def test_a_key_that_is_not_good_is_not_rotated(app: FastAPI, shop: Shop) -> None:
    pool = app.state.service.pool
    revoked, strangers = (
        await made(pool, Scope.ADMIN),
        await create_api_key(pool, "org_2", name="x", scopes=["admin"]),
    )
    await shop.made("DELETE", f"/api-keys/{revoked.split('_')[1]}")
    async with unchanged(app):
        for key_id in (revoked.split("_")[1], strangers[0].key_id, "unknown"):
            problem(await shop.organizer("POST", f"/api-keys/{key_id}/rotate", {}), 404, "api_key_not_found")
        for wrong in ({"overlap": -1}, {"overlap": 91 * 86400}, {"overlap": "1"}, {"scopes": ["admin"]}):
            problem(await shop.organizer("POST", f"/api-keys/{revoked}/rotate", wrong), 422, "invalid_request")


async def test_when_a_key_was_last_used_is_known_to_the_minute(app: FastAPI, shop: Shop) -> None:
    pool = app.state.service.pool
    key = await made(pool, Scope.READ)
    key_id = key.split("_")[1]
    assert (await keys_of(shop))[key_id]["last_used_at"] is None
    await shop.organizer("GET", "/events", key=key[:-1] + ("0" if key[-1] != "0" else "1"))  # a wrong secret
    assert (await keys_of(shop))[key_id]["last_used_at"] is None
    await shop.organizer("GET", "/events", key=key)
    first = (await keys_of(shop))[key_id]["last_used_at"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first)) < timedelta(seconds=30)
    await shop.organizer("GET", "/events", key=key)
    assert (await keys_of(shop))[key_id]["last_used_at"] == first
    async with connection(pool) as acquired:
        await acquired.execute(
            "UPDATE api_keys SET last_used_at = $1", datetime.fromisoformat(first) - timedelta(seconds=61)
        )
    await shop.organizer("GET", "/events", key=key)
    assert (await keys_of(shop))[key_id]["last_used_at"] > first


async def test_code_that_knows_no_scopes_takes_every_key_for_one_that_only_reads(pool: Pool) -> None:
    await made(pool, Scope.STOCK)
    await made(pool, Scope.ADMIN)
    async with connection(pool) as acquired:
        rows = await acquired.fetch("SELECT read_only FROM api_keys ORDER BY created_at")
    assert [row["read_only"] for row in rows] == [True, True]


@pytest.mark.parametrize("key", ["wl__", "wl_a_", "wl_\x00_b", f"wl_{'a' * 5000}_b", "wl_a_" + "b" * 5000])
async def test_what_only_looks_like_a_key_is_none(pool: Pool, key: str) -> None:
    with pytest.raises(Unauthenticated):
        await credentials(pool, Settings()).authenticator.organizer(f"Bearer {key}")


async def test_the_migration_gives_scopes_to_keys_of_builds_that_had_none(pool: Pool) -> None:
    migration = next(one for one in migrations() if one.name == "key_scopes")
    service = credentials(pool, Settings())
    for read_only, scopes in ((True, ["read"]), (False, ["admin"])):
        key = await made(pool, Scope.ENTRIES)
        async with connection(pool) as acquired:
            await acquired.execute(
                "UPDATE api_keys SET scopes = NULL, read_only = $2 WHERE key_id = $1", key.split("_")[1], read_only
            )
            await acquired.execute(migration.text)
        assert (await service.authenticator.organizer(f"Bearer {key}")).scopes == scopes
