"""Addresses of databases as providers write them: each parameter works, or one sentence names it."""

from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.support.databases import connected, on
from waiting_list.dsn import _TRANSLATED, LEFT_OUT, PASSED_ON, DsnError, for_asyncpg, is_behind_pooler, server_of
from waiting_list.postgres.migrate import check_schema, migrate
from waiting_list.settings import Settings

WORKING = {
    # parameter: a value
    **dict.fromkeys(LEFT_OUT, "5"),
    "application_name": "quay",
    "applicationname": "quay",
    "channel_binding": "prefer",
    "charset": "utf8",
    "client_encoding": "UTF8",
    "currentschema": "public",
    "encoding": "unicode",
    "gssencmode": "prefer",
    "gsslib": "gssapi",
    "idle_in_transaction_session_timeout": "5s",
    "idle_session_timeout": "5min",
    "krbsrvname": "postgres",
    "lock_timeout": "5s",
    "options": "-c search_path=public -c lock_timeout=7s",
    "passfile": "/nowhere",
    "pgbouncer": "true",
    "preparethreshold": "0",
    "prepared_statement_cache_size": "0",
    "prepared_statements": "false",
    "role": "waiting_list",
    "schema": "public",
    "search_path": "public",
    "ssl": "false",
    "sslaccept": "accept_invalid_certs",
    "sslcert": __file__,
    "sslkey": __file__,
    "sslmode": "disable",
    "sslnegotiation": "postgres",
    "sslpassword": "sesame",
    "ssl_max_protocol_version": "TLSv1.3",
    "ssl_min_protocol_version": "TLSv1.2",
    "sslrootcert": __file__,
    "sslcrl": __file__,
    "statement_cache_size": "0",
    "statement_timeout": "30s",
    "target_session_attrs": "read-write",
    "targetservertype": "primary",
    "timezone": "Europe/Paris",
    "work_mem": "8MB",
}
OF_THE_ADDRESS = {"host", "port", "user", "password", "dbname", "database", "service"}


@pytest.mark.parametrize("parameter", sorted({*PASSED_ON, *_TRANSLATED, *LEFT_OUT} - OF_THE_ADDRESS))
async def test_each_parameter_works_with_a_real_server(server: str, parameter: str) -> None:
    value = WORKING[parameter].replace("%", "%25").replace(" ", "%20")
    async with connected(for_asyncpg(f"{server}&{parameter}={value}")) as opened:
        assert await opened.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "jdbc:postgresql"]
)
async def test_each_scheme_works_with_a_real_server(server: str, scheme: str) -> None:
    async with connected(for_asyncpg(server.replace("postgresql", scheme, 1))) as opened:
        assert await opened.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(("parameter", "value", "setting", "shown"), [
    ("options", "-c%20lock_timeout%3D7s", "lock_timeout", "7s"),
    ("statement_timeout", "30s", "statement_timeout", "30s"),
    ("application_name", "quay%20door", "application_name", "quay door"),
    ("ApplicationName", "quay", "application_name", "quay"),
    ("schema", "shop", "search_path", "shop"),
    ("currentSchema", "shop", "search_path", "shop"),
])  # fmt: skip
async def test_settings_of_the_session_reach_the_server(
    server: str, parameter: str, value: str, setting: str, shown: str
) -> None:
    async with connected(for_asyncpg(f"{server}&{parameter}={value}")) as opened:
        assert await opened.fetchval("SELECT current_setting($1)", setting) == shown


async def test_a_schema_of_its_own_is_migrated_and_checked(server: str) -> None:
    async with connected(server) as administrator:
        await administrator.execute("CREATE DATABASE of_a_schema")
        try:
            async with connected(on(server, "of_a_schema")) as inside:
                await inside.execute("CREATE SCHEMA shop")
            dsn = for_asyncpg(f"{on(server, 'of_a_schema')}&schema=shop")
            await migrate(dsn)
            await check_schema(dsn)
            async with connected(on(server, "of_a_schema")) as inside:
                assert await inside.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        finally:
            await administrator.execute("DROP DATABASE of_a_schema WITH (FORCE)")


@pytest.mark.parametrize(("dsn", "sentence"), [
    ("nonsense", "must be an address such as postgresql://user:password@host:5432/name, but does not begin with postgresql://"),
    ("mysql://u:sesame@h/d", "user:password@host:5432/name, but begins with mysql://"),
    ('"postgresql://u:sesame@h/d"', "must have no quotes around it"),
    ("postgresql://u@/d?host=h&port=abc", "has port=abc, but a port is a number"),
    ("postgresql://u@/d?host=h,i&port=5432,70000", "has port=5432,70000, but a port is a number"),
    ("postgresql://u:ses#ame@h/d", "percent-encoded"),
    ("postgresql://u:ses/ame@h/d", "percent-encoded"),
    ("postgresql://u:ses?ame@h/d", "percent-encoded"),
    ("postgresql://u:ses[ame@h/d", "percent-encoded"),
    ("postgresql://u@h:0/d", "percent-encoded"),
    ("postgresql://u@h/d#x", "has a #. In a password, write it as %23"),
    ("postgresql://h/d?sslmodus=require", "has the unknown parameter sslmodus; the nearest is sslmode"),
    ("postgresql://h/d?wal=1", "has the unknown parameter wal; settings of the server go into options="),
    ("postgresql://h/d?sslmode=on", "has sslmode=on, but it must be one of disable, allow,"),
    ("postgresql://h/d?target_session_attrs=leader", "has target_session_attrs=leader, but it must be one of"),
    ("postgresql://h/d?sslrootcert=/nowhere", "has sslrootcert=/nowhere, which cannot be read: No such file"),
    ("postgresql://h/d?gssencmode=require", "has gssencmode=require, which the service does not support"),
    ("postgresql://h/d?client_encoding=latin1", "has another encoding than UTF8"),
    ("postgresql://h/d?pgbouncer", "has a parameter without a value"),
])  # fmt: skip
def test_what_does_not_work_is_a_sentence_without_the_password(dsn: str, sentence: str) -> None:
    with pytest.raises(DsnError) as caught:
        for_asyncpg(dsn)
    assert sentence in str(caught.value)
    assert "ame" not in str(caught.value).replace("name", "").replace("parameter", "")


@pytest.mark.parametrize(("query", "expected"), [
    ("sslmode=require", {"sslmode": "require"}),
    ("ssl=true", {"sslmode": "require"}),
    ("ssl=true&sslmode=verify-full&sslrootcert=FILE", {"sslmode": "verify-full", "sslrootcert": "FILE"}),
    ("sslmode=no-verify", {"sslmode": "require"}),
    ("channel_binding=disable", {}),
    ("sslmode=require&sslmode=", {"sslmode": "require"}),
    ("channel_binding=require&sslrootcert=FILE", {"sslmode": "verify-full", "sslrootcert": "FILE"}),
])  # fmt: skip
def test_tls_is_never_weaker_than_what_was_asked_for(query: str, expected: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    made = parse_qs(urlsplit(for_asyncpg(f"postgresql://h/d?{query.replace('FILE', str(file))}")).query)
    assert made == {name: [value.replace("FILE", str(file))] for name, value in expected.items()}


@pytest.mark.parametrize(
    "query", ["sslmode=require&channel_binding=require", "sslrootcert=system", "sslaccept=strict"]
)
def test_certificates_are_checked_with_those_of_the_system(query: str) -> None:
    made = parse_qs(urlsplit(for_asyncpg(f"postgresql://h/d?{query}")).query)
    assert made["sslmode"] == ["verify-full"]
    assert Path(made["sslrootcert"][0]).is_file()


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(user=_TEXT, password=_TEXT, name=_TEXT)
def test_any_login_that_is_encoded_reaches_asyncpg_as_it_is(user: str, password: str, name: str) -> None:
    dsn = for_asyncpg(
        f"postgres://{quote(user, safe='')}:{quote(password, safe='')}@h:6543/{quote(name, safe='')}"
    )
    nothing = dict.fromkeys((
        "host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile", "direct_tls",
        "server_settings", "target_session_attrs", "krbsrvname", "gsslib",
    ))  # fmt: skip
    hosts, parameters = _parse_connect_dsn_and_args(dsn=dsn, **nothing)
    assert hosts == [("h", 6543)]
    assert (parameters.user, parameters.password, parameters.database) == (user, password, name)


def test_a_password_with_an_at_sign_need_not_be_encoded() -> None:
    assert for_asyncpg("postgres://quay:ses@me@h:5432/d") == "postgresql://quay:ses%40me@h:5432/d"


@pytest.mark.parametrize("query", ["pgbouncer=true", "prepareThreshold=0", "prepared_statements=false"])
def test_a_pooler_in_the_address_turns_prepared_statements_off(query: str) -> None:
    dsn = f"postgresql://h/d?{query}"
    assert is_behind_pooler(dsn)
    assert Settings(database_url=SecretStr(dsn)).statement_cache is False
    assert Settings(database_url=SecretStr(dsn), statement_cache=True).statement_cache is True


@pytest.mark.parametrize(("dsn", "place"), [
    ("postgresql://quay:sesame@db.example:6543/d", "db.example:6543"),
    ("postgresql://quay@/d?host=/run/postgres&port=6543", "/run/postgres:6543"),
    ("postgresql:///d", "the server that PGHOST names, or that of this machine"),
    ("postgresql://quay:ses[ame@h/d", "the server"),
])  # fmt: skip
def test_the_place_of_a_server_has_no_password(dsn: str, place: str) -> None:
    assert server_of(dsn) == place


def test_the_page_about_databases_names_every_parameter_and_reason() -> None:
    page = (Path(__file__).parent.parent / "docs" / "database.md").read_text()
    known = {*PASSED_ON, *_TRANSLATED, *LEFT_OUT}
    assert {name for name in known if f"`{name}`" not in page.lower()} == set()
    assert {reason for reason in LEFT_OUT.values() if reason not in page.replace("\n", " ")} == set()
