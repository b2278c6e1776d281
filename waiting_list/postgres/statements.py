"""Read SQL statements: each is a file in the folder `sql` of the package that calls it."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


@cache
def sql(name: str) -> str:
    """Read the statement `name`, once in a process. No two packages have a statement of the same name."""
    return _paths()[name].read_text(encoding="utf-8")


@cache
def _paths() -> dict[str, Path]:
    return {path.stem: path for path in _PACKAGE.rglob("sql/*.sql")}
