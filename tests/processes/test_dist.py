"""The released files: a wheel and an sdist that need no repository."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.until import until
from waiting_list import __version__

ROOT = Path(__file__).parent.parent.parent


def built(source: Path, target: Path, *kinds: str) -> dict[str, Path]:
    """The files that hatchling makes of a source tree, by their ending."""
    flags = [flag for kind in kinds for flag in ("-t", kind)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target), *flags],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=120,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
    )
    return {file.suffix: file for file in target.iterdir()}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return built(ROOT, tmp_path_factory.mktemp("dist"), "wheel", "sdist")


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_the_wheel_has_every_file_of_the_package_and_no_other(released: dict[str, Path]) -> None:
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "waiting_list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    there = {path for path in tracked if (ROOT / path).exists()}
    info = {name for name in names(released[".whl"]) if ".dist-info/" in name}
    assert names(released[".whl"]) - info == there
    assert {name.rpartition("/")[2] for name in info} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "LICENSE",
    }


def test_the_wheel_of_the_sdist_is_the_wheel_byte_by_byte_and_both_can_be_made_again(
    released: dict[str, Path], tmp_path: Path
) -> None:
    with tarfile.open(released[".gz"]) as tar:
        tar.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert built(source, tmp_path / "again", "wheel")[".whl"].read_bytes() == released[".whl"].read_bytes()
    again = built(ROOT, tmp_path / "dist", "sdist")[".gz"]
    assert again.read_bytes() == released[".gz"].read_bytes()


def test_the_version_stands_in_one_place(released: dict[str, Path]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+|\.dev\d+)?", __version__)
    with zipfile.ZipFile(released[".whl"]) as wheel:
        metadata = wheel.read(f"waiting_list-{__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    elsewhere = [path for path in ROOT.glob("waiting_list/**/*.py") if f'"{__version__}"' in path.read_text()]
    assert elsewhere == [ROOT / "waiting_list" / "__init__.py"]
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_nothing_in_the_wheel_knows_where_it_was_made(released: dict[str, Path]) -> None:
    with zipfile.ZipFile(released[".whl"]) as wheel:
        for name in wheel.namelist():
            content = wheel.read(name)
            assert str(ROOT).encode() not in content, name
            assert not re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]", content), name


async def test_the_wheel_serves_the_demo_from_an_empty_folder(
    released: dict[str, Path], tmp_path: Path, dsn: str
) -> None:
    package, empty, port = tmp_path / "package", tmp_path / "empty", free_port()
    with zipfile.ZipFile(released[".whl"]) as wheel:
        wheel.extractall(package)  # noqa: S202 - our own
    empty.mkdir()
    environment = os.environ | {"PYTHONPATH": str(package), "DATABASE_URL": dsn, "WAITING_LIST_DRAIN_SECONDS": "0"}
    where = "import waiting_list; print(waiting_list.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", where], cwd=empty, env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(str(package))
    command = [sys.executable, "-m", "waiting_list", "serve", "--demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=empty, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

            async def is_loaded() -> bool:
                assert process.poll() is None
                try:
                    return bool((await http.get("/v1/user/events")).json()["items"])
                except httpx.HTTPError:
                    return False

            await until(is_loaded, seconds=40)
            home = await http.get("/", headers={"Accept-Language": "fr"})
            assert '<html lang="fr">' in home.text
            (style,) = re.findall(r'href="(/static/style\.css\?v=\w+)"', home.text)
            for path in (style, "/docs", "/dashboard/sign-in", "/demo/shop", "/mails", "/metrics"):
                assert (await http.get(path)).status_code == 200, path
            assert (await http.get("/version")).json() == {"version": __version__}
    finally:
        process.terminate()
        process.wait(20)
