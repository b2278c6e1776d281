"""`make attack`: sqlmap and schemathesis against a running service, on the loopback, for some minutes.

The service serves its demo from a data folder of its own. sqlmap tries parameters in paths, queries, JSON bodies,
headers, cookies and forms; schemathesis whatever the OpenAPI document allows and forbids. Ends with 1 if either
finds something. Limits are off, since both ask very often.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIST = "wl-demo-jazz-floor/wl-demo-jazz-fri"
MOST_SECONDS = 480
"""For all of sqlmap's targets together."""
NONE = {
    f"WAITING_LIST_{name}_PER_MINUTE": "0"
    for name in (
        "USER_REQUESTS",
        "USER_JOINS",
        "KEY_REQUESTS",
        "ADDRESS_REQUESTS",
        "ADDRESS_JOINS",
        "ADDRESS_SIGN_INS",
    )
}


@contextmanager
def served(folder: str) -> Iterator[tuple[str, str]]:
    """The demo, and an organizer's key."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "waiting_list", "serve", "--demo", "--port", str(port), "--data-dir", folder]
    with Path(folder, "service.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | NONE)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"wl_\w+", line):
                yield f"http://127.0.0.1:{port}", found[0]
                break
    finally:
        process.terminate()
        process.wait(30)


def token_of(url: str, key: str, user_id: str) -> str:
    """A user token of a fan."""
    request = urllib.request.Request(
        f"{url}/v1/organizer/user-tokens",
        json.dumps({"user_id": user_id}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # nosec B310 # of the loopback
        return str(json.load(answer)["token"])


def sqlmap(program: str, url: str, key: str, token: str, folder: str) -> list[str]:
    """What sqlmap has found, target by target."""
    fan, organizer = f"Authorization: Bearer {token}", f"Authorization: Bearer {key}"
    entry, as_json = f"{url}/v1/user/waiting-lists/{LIST}/entry", "Content-Type: application/json"
    targets: list[list[str]] = [
        ["-u", f"{url}/v1/organizer/entries?user_id=ada*&status=waiting*&event_id=wl-demo-jazz*", "-H", organizer],
        ["-u", f"{url}/v1/organizer/entries?cursor=W10*&limit=5*", "-H", organizer],
        ["-u", f"{url}/v1/organizer/waiting-lists/wl-demo-jazz-floor*/wl-demo-jazz-fri*", "-H", organizer],
        ["-u", f"{url}/v1/organizer/users/ada*/export", "-H", organizer],
        ["-u", f"{url}/v1/user/events?organization_id=wl-demo*&limit=5*"],
        ["-u", f"{url}/v1/user/entries?status=waiting*", "-H", fan],
        ["-u", entry, "-H", fan, "-H", as_json, "--data", '{"tickets_wanted": "1*"}'],
        ["-u", entry, "-H", fan, "-H", as_json, "-H", "Idempotency-Key: a*", "--data", '{"tickets_wanted": 1}'],
        ["-u", entry, "-H", "Authorization: Bearer x*"],
        ["-u", f"{url}/v1/organizer/events", "-H", "Authorization: Bearer wl_a*_b*"],
        ["-u", f"{url}/waiting-lists/wl-demo-jazz-floor*/wl-demo-jazz-fri*"],
        ["-u", f"{url}/", "--cookie", "waiting_list_fan=x*; waiting_list_language=en*", "--level", "3"],
        ["-u", f"{url}/sign-in", "--data", "email=a@example.org*&organization_id=wl-demo*&next=/*"],
        ["-u", f"{url}/dashboard/sign-in", "--data", "api_key=wl_a_b*&next=/dashboard*"],
        ["-u", f"{url}/e/abc*"],
    ]  # fmt: skip
    common = [program, "--batch", "--risk=2", "--threads=4", "--dbms=PostgreSQL", "--technique=BEUST",
              "--time-sec=3", "--flush-session", "--disable-coloring", "--skip-waf", "--ignore-code=*",
              f"--output-dir={folder}/sqlmap"]  # fmt: skip
    findings, began = [], time.monotonic()
    for target in targets:
        left = MOST_SECONDS - (time.monotonic() - began)
        if left <= 0:
            findings.append("not tried, out of time: " + target[1])
            continue
        level = [] if "--level" in target else ["--level=3"]
        try:
            done = subprocess.run(
                [*common, *level, *target], capture_output=True, text=True, timeout=left, check=False
            )
        except subprocess.TimeoutExpired:
            findings.append(f"not tried to the end, out of time: {target[1]}")
            continue
        tried = len(re.findall(r"testing '", done.stdout))
        found = re.findall(r"^.*(?:is vulnerable|sqlmap identified the following).*$", done.stdout, re.MULTILINE)
        print(f"  {target[1].removeprefix(url)}: {tried} kinds of injection, {len(found)} found", flush=True)
        if not tried:
            findings.append(f"sqlmap tried nothing at {target[1]}: {done.stdout[-300:]}")
        findings += [f"{target[1]}: {one}" for one in found]
    return findings


def schemathesis(url: str, authorization: str, pattern: str) -> list[str]:
    """What schemathesis has found among the calls whose paths match."""
    program = str(Path(sys.executable).with_name("schemathesis"))
    done = subprocess.run(
        [program, "run", f"{url}/openapi.json", "--url", url, "-H", f"Authorization: Bearer {authorization}",
         "--include-path-regex", pattern, "--exclude-path-regex", "/live$", "--exclude-operation-id", "erase",
         "--exclude-operation-id", "revoke_api_key", "--max-examples", "30",
         "--phases", "examples,coverage,fuzzing",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
         "response_schema_conformance",
         "--request-timeout", "20", "--continue-on-failure", "--no-color"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    print("\n".join("  " + line for line in done.stdout.splitlines()[-12:]), flush=True)
    return [] if done.returncode == 0 else [f"schemathesis, {pattern}: {done.stdout[-3000:]}"]


def main() -> int:
    """Attacks; 1 if anything was found."""
    findings = []
    with tempfile.TemporaryDirectory(prefix="wl-attack-") as folder:
        Path(folder).chmod(0o711)
        with served(folder) as (url, key):
            token = token_of(url, key, "attacker")
            print("sqlmap:", flush=True)
            findings += sqlmap(sys.argv[1], url, key, token, folder)
            for name, authorization, pattern in (
                ("fans", token, "^/v1/user/"),
                ("organizers", key, "^/v1/organizer/"),
            ):
                print(f"schemathesis, {name}:", flush=True)
                findings += schemathesis(url, authorization, pattern)
            with urllib.request.urlopen(f"{url}/health/ready", timeout=10) as answer:  # nosec B310 # of the loopback
                assert answer.status == 200
        log = Path(folder, "service.log").read_text(errors="replace")
        findings += [f"the service logged a traceback:\n{log[-2000:]}"] if "Traceback" in log else []
    print("\n".join(findings) or "Nothing was found.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
