"""`backup` and `restore` of a data folder, with real processes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lists import Lists
from tests.test_cli import command
from waiting_list.database import connect_pool, migrate
from waiting_list.embedded import embedded
from waiting_list.settings import Settings


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
        assert done("backup", str(file), "--data-dir", str(folder / "old")).startswith(f"{file}: ")
        await lists.join("bo")
        await pool.close()
        # Whatever is there is kept: the backup of yesterday, and a database that is in use.
        assert "exists already" in refused("backup", str(file), "--data-dir", str(folder / "old"))
        assert "has a database already" in refused("restore", str(file), "--data-dir", str(folder / "old"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir() if path.name.startswith("backup")] == ["backup"]
    done("restore", str(file), "--data-dir", new)
    with embedded(Path(new)) as dsn:
        pool = await connect_pool(Settings(), dsn)
        lists = Lists(pool, lists.engine)
        assert await lists.line() == ["ada"]
        await lists.audit()
        await pool.close()


def test_a_file_that_is_no_backup_leaves_nothing_behind_and_an_empty_folder_makes_none(folder: Path) -> None:
    file, other = folder / "backup", folder / "other"
    other.write_text("Not a backup.")
    with embedded(folder / "new"):
        assert "archive" in refused("restore", str(other), "--data-dir", str(folder / "new"))
        assert "nothing" in refused("backup", str(file), "--data-dir", str(folder / "new"))
    assert not file.exists()


def test_a_server_of_ones_own_is_backed_up_by_its_own_programs(folder: Path) -> None:
    dsn = "postgresql://nobody@127.0.0.1:1/nowhere"
    assert "pg_dump" in refused("backup", str(folder / "backup"), DATABASE_URL=dsn)
