"""`waiting-list serve --demo` on a folder of its own, for whoever looks at its pages."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import httpx
from playwright.async_api import BrowserContext

from bench.stage import free_port, running

Who = Literal["anybody", "fan", "organizer"]
FAN = "fan-20"
"""Who a fan of these pages is: with a place in the list of the demo that has a crowd."""
CROWD = "/waiting-lists/wl-demo-indie-floor/wl-demo-indie-1"
_OURS = ("DATABASE_URL", "READ_DATABASE_URL", "WAITING_LIST_PUBLIC_URL", "WAITING_LIST_MAIL_FOLDER")


class Demo(NamedTuple):
    """What it has printed."""

    address: str
    key: str
    ready: str
    """The path of the private page of a fan whose turn it is."""

    async def sign_in(self, context: BrowserContext, who: Who) -> None:
        """Lets a browser be who it is to be, the way the pages do it."""
        if who == "organizer":
            form: dict[str, str | float | bool] = {"api_key": self.key, "next": "/dashboard"}
            answer = await context.request.post(f"{self.address}/dashboard/sign-in", form=form, max_redirects=0)
        elif who == "fan":
            minted = await context.request.post(
                f"{self.address}/v1/organizer/user-tokens",
                headers={"Authorization": f"Bearer {self.key}"},
                data={"user_id": FAN},
            )
            form = {"token": (await minted.json())["token"], "next": "/"}
            answer = await context.request.post(f"{self.address}/sign-in/with-token", form=form, max_redirects=0)
        else:
            return
        if answer.status != httpx.codes.SEE_OTHER:
            raise RuntimeError(f"signing in as {who} was answered with {answer.status}")


@contextmanager
def demo() -> Iterator[Demo]:
    """Serves it while the block runs, on a free port and the PostgreSQL that comes with it; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="waiting-list-demo-") as folder:
        os.chmod(folder, 0o711)  # started by root, the server runs as another account
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "waiting_list",
            "serve",
            "--demo",
            f"--port={port}",
            f"--data-dir={folder}",
        ]
        # A database that somebody uses is no place for a demo.
        command = ["env", *(word for name in _OURS for word in ("-u", name)), *command]
        log = Path(folder) / "log"
        with log.open("wb") as file, running(command, {}, stdout=subprocess.PIPE, stderr=file.fileno()) as process:
            yield _read(process, f"http://127.0.0.1:{port}", log)


def _read(process: "subprocess.Popen[bytes]", address: str, log: Path) -> Demo:
    assert process.stdout
    key, ready = "", ""
    for line in process.stdout:
        if found := re.search(rb"organizer key: (\S+)", line):
            key = found[1].decode()
        if found := re.search(rb"who can buy now: (\S+)", line):
            ready = found[1].decode().removeprefix(address)
        if key and ready:
            return Demo(address, key, ready)
    raise RuntimeError(f"the demo ended with {process.wait()}:\n{log.read_text()[-2000:]}")
