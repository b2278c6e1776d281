"""`backup` and `restore` of a data folder, with real processes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.test_verify_ledger import download
from tests.processes.test_cli import command
from tests.support.lists import LIST, Lists
from waiting_list.access.private_links import find, make_link
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.ledger.verify_ledger import Restored, verify_ledger
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool, transaction
from waiting_list.settings import Settings

NEW: list[tuple[str, dict[str, Any]]] = [("bo", {}), ("cleo", {"email": "cleo@example.org"})]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wl-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def done(*arguments: str) -> str:
    result = command(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(*arguments: str, **environment: str) -> str:
    result = command(*arguments, **environment)
    assert result.returncode == 2, result.stdout
    return result.stderr.strip()


async def test_what_was_backed_up_while_the_service_ran_is_restored_into_a_new_folder(folder: Path) -> None:
    file, new = folder / "backup", str(folder / "new")
    with embedded(folder / "old") as dsn:
        await migrate(dsn)
        pool = await connect_pool(Settings(), dsn)
        lists = await Lists.make(pool)
        await lists.join("ada")
        assert done("backup", str(file), "--data-dir", str(folder / "old")).startswith(f"Wrote {file}: ")
        await lists.join("bo")
        kept = await Checkpoints(pool, "https://tickets.example").sign(lists.key.list_id)
        assert kept is not None
        await pool.close()
        # Whatever is there is kept: the backup of yesterday, and a database that is in use.
        assert "already exists" in refused("backup", str(file), "--data-dir", str(folder / "old"))
        assert "already has a database" in refused("restore", str(file), "--data-dir", str(folder / "old"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir() if path.name.startswith("backup")] == ["backup"]
    assert done("restore", str(file), "--data-dir", new).endswith(f": waiting-list audit --data-dir {new}\n")
    (folder / "kept").write_text(kept.note)
    declared = done("declare-restore", "A drill", "--kept", str(folder / "kept"), "--data-dir", new)
    assert declared == "The restore is declared in the ledger of 1 list.\n"
    with embedded(Path(new)) as dsn:
        pool = await connect_pool(Settings(), dsn)
        lists = Lists(pool, lists.engine)
        assert await lists.line() == ["ada"]
        await lists.audit()
        after = await download(lists)
        with pytest.raises(Restored, match=rf"\(A drill\); changes {kept.size}…{kept.size} of the checkpoint"):
            verify_ledger(after.lines, after.note, after.keys, kept.note)
        await pool.close()


async def test_who_gets_a_number_again_after_a_restore_gets_another_link(pool: Pool) -> None:
    lists = await Lists.make(pool)
    await lists.join("ada")
    secret = b"x" * 32

    async def link(number: int) -> str:
        return await make_link(pool, secret, LIST, number)

    kept = await link(1)
    lost = [await link((await lists.join(user_id, **contact)).number) for user_id, contact in NEW]
    # The state before they joined comes back, as from a backup.
    async with transaction(pool) as acquired:
        for table in ("contacts", "history", "entries"):
            column = "sequence" if table == "history" else "number"
            await acquired.execute(f"DELETE FROM {table} WHERE {column} > 1 AND list_id = $1", LIST.list_id)
        await acquired.execute("DELETE FROM outbox")
        await acquired.execute("UPDATE inventory SET last_number = 1, last_sequence = 2")
    again = [await link((await lists.join(f"{user_id}2", **contact)).number) for user_id, contact in NEW]
    assert set(lost) & set(again) == set()
    assert [await find(pool, token.removeprefix("/e/")) for token in lost] == [None, None]
    assert [found and found.place.entry.user_id for found in [await find(pool, kept.removeprefix("/e/"))]] == [
        "ada"
    ]
    assert await link(1) == kept


def test_a_file_that_is_no_backup_leaves_nothing_behind_and_an_empty_folder_makes_none(folder: Path) -> None:
    file, other = folder / "backup", folder / "other"
    other.write_text("Not a backup.")
    with embedded(folder / "new"):
        assert "archive" in refused("restore", str(other), "--data-dir", str(folder / "new"))
        assert "no database" in refused("backup", str(file), "--data-dir", str(folder / "new"))
    assert not file.exists()


def test_a_server_of_ones_own_is_backed_up_by_its_own_programs(folder: Path) -> None:
    dsn = "postgresql://nobody@127.0.0.1:1/nowhere"
    assert "pg_dump" in refused("backup", str(folder / "backup"), DATABASE_URL=dsn)
