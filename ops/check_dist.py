"""`make test-dist`: what `make dist` has made, as a stranger would use it: a fresh venv and an empty folder.

Installs the locked dependencies and the wheel, serves the demo on the PostgreSQL that comes along, looks at it,
audits it; installs and runs the wheel with pipx, and runs it with uvx; and installs the sdist. Compares the bill
of materials with the lock file. Prints what they weigh.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from ops.advisories import pinned

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command printed; it must succeed."""
    ours = ("PYTHON", "WAITING_LIST", "VIRTUAL_ENV")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def got(url: str, **headers: str) -> str:
    """The page at an address."""
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:  # nosec B310 # of the loopback
        return str(answer.read().decode())


def served(program: Path, empty: Path) -> str:
    """Serves the demo in an empty folder, looks at it, and returns what its audit says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(program), "serve", "--demo", "--port", str(port), "--data-dir", str(empty / "data")]
    process = subprocess.Popen(command, cwd=empty, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                if '"wl-demo-jazz' in got(f"{url}/v1/user/events"):
                    break
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.2)
        home = got(f"{url}/", **{"Accept-Language": "fr"})
        assert '<html lang="fr">' in home
        (style,) = re.findall(r'href="(/static/style\.css\?v=\w+)"', home)
        for path in (style, "/docs", "/dashboard/sign-in", "/demo/shop", "/openapi.json"):
            assert got(url + path)
        audit = run(program, "audit", "--data-dir", empty / "data", cwd=empty)
        assert audit.endswith(" 0 with a difference\n"), audit
    finally:
        process.terminate()
        process.wait(30)
    return audit


def check_bill_of_materials() -> None:
    """Compare the bill of materials with the lock file: each release once, with its version and hashes."""
    bill = json.loads((ROOT / "dist" / "waiting-list.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {one["name"].lower(): one["version"] for one in bill["components"]}
    assert listed == pinned(ROOT / "requirements.txt"), listed
    for one in bill["components"]:
        assert any(reference.get("hashes") for reference in one["externalReferences"]), one


def main() -> None:
    """Checks; ends with a sentence if something is wrong."""
    check_bill_of_materials()
    (wheel,), (sdist,) = ROOT.glob("dist/*.whl"), ROOT.glob("dist/*.tar.gz")
    version = wheel.name.split("-")[1]
    with tempfile.TemporaryDirectory(prefix="wl-dist-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        empty, venv = folder / "empty", folder / "venv"
        empty.mkdir(mode=0o711)
        python, program = venv / "bin" / "python", venv / "bin" / "waiting-list"
        run(sys.executable, "-m", "venv", venv, cwd=empty)
        lock = ROOT / "requirements.txt"
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock, cwd=empty)
        bare = sum(file.stat().st_size for file in venv.rglob("*") if file.is_file())
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=empty)
        assert run(program, "--version", cwd=empty) == f"{version}\n"
        assert "purchase_pass" not in run(program, "preview-mail", "ready", "--locale", "fr", cwd=empty)
        audit = served(program, empty)
        print(f"The wheel serves its demo from a fresh venv: {audit.strip()}.")

        run(sys.executable, "-m", "venv", folder / "tools", cwd=empty)
        tools = folder / "tools" / "bin"
        run(tools / "python", "-m", "pip", "install", "--quiet", "pipx", "uv", cwd=empty)
        pipx = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
        uv = {"UV_CACHE_DIR": str(folder / "uv"), "UV_PYTHON": sys.executable}
        for command, homes in (
            ((tools / "pipx", "run", "--spec", wheel, "waiting-list"), pipx),
            ((tools / "uvx", "--from", wheel, "waiting-list"), uv),
        ):
            shown = run(*command, "--version", cwd=empty, **homes)
            assert shown.endswith(f"{version}\n"), shown
        run(tools / "pipx", "install", wheel, cwd=empty, **pipx)
        assert run(folder / "bin" / "waiting-list", "--version", cwd=empty) == f"{version}\n"
        print("pipx installs and runs it, and uvx runs it.")

        shutil.rmtree(venv)
        run(sys.executable, "-m", "venv", venv, cwd=empty)
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock, cwd=empty)
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", sdist, cwd=empty)
        assert run(program, "--version", cwd=empty) == f"{version}\n"
        print("The sdist installs.")
    print(
        f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} kB; {sdist.name}: {sdist.stat().st_size / 1000:.0f} kB;"
    )
    print(f"a venv with what it needs, before it: {bare / 1e6:.0f} MB.")


if __name__ == "__main__":
    main()
