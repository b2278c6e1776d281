"""Read the code blocks of the pages: their kind, their mistakes, and a script that runs those of a page in order.

A comment in front of a block says what is special about it:

- `<!-- not run: why -->`: a block that could run but does not;
- `<!-- tested by tests/test_x.py -->`: that test reads the page itself;
- `<!-- another terminal: http://… -->`: a command that keeps running; the next block waits until that address
  answers;
- `<!-- file: shop.py -->`: a file to save under that name;
- `<!-- prints -->`: the output of the block before, with … for parts that differ each time;
- `<!-- in examples/x.py -->`: an excerpt of that file;
- `<!-- Entry -->`, in front of JSON: a value of that schema in /openapi.json.
"""

import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from markdown_it import MarkdownIt

from waiting_list.cli.main import app
from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent.parent
SHELL, PYTHON, JSON = {"bash", "sh", "shell", "console"}, {"python", "py"}, {"json"}
CANNOT_RUN = {"text", "html", "css", "ini", "http", "nginx", "promql", "yaml", "toml", "xml", "csv", "diff"}
RUN = ("README.md", "docs/tutorial.md", "docs/how-to/")
"""Pages whose commands and programs are run, each page from its beginning to its end."""
_IN_A_CONTAINER = re.compile(r"\s*(docker|podman|kubectl) ")
_COMMANDS = {"waiting-list", "make", "curl", "export"}


@dataclass(frozen=True)
class Block:
    """A fenced or indented block, with the comment in front of it as `remark`.

    The `language` is guessed if the page does not name it.
    """

    page: str
    line: int
    language: str
    text: str
    remark: str

    @property
    def where(self) -> str:
        """The place of the block, for people."""
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether the tests run the page, and this block can run."""
        return (
            self.page.startswith(RUN)
            and self.language in SHELL | PYTHON
            and not self.says("not run", "in", "tested by")
        )

    def says(self, *words: str) -> str:
        """Return the text in the remark after one of these words, or the word itself; empty if no word is
        there."""
        found = re.match(rf"({'|'.join(words)})(?:[: ]+(.*)|$)", self.remark, re.DOTALL)
        return (found[2] or found[1]) if found else ""


def pages() -> list[Path]:
    """Return all pages whose blocks are checked."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Return the blocks of a page, in order."""
    remark = ""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "html_block":
            found = re.fullmatch(r"<!--\s*(.*?)\s*-->", token.content.strip(), re.DOTALL)
            remark = " ".join(found[1].split()) if found else ""
        elif token.type in ("fence", "code_block"):
            assert token.map
            language = token.info.split()[0] if token.info.strip() else _guessed(token.content)
            name = page.relative_to(ROOT).as_posix()
            yield Block(name, token.map[0] + 1, language, token.content, remark)
            remark = ""
        else:
            remark = ""


def _guessed(text: str) -> str:
    for line in text.splitlines():
        word = line.strip().removeprefix("$ ").split(" ")[0]
        if word in _COMMANDS | {"pip", "docker", "git", "cd"} or re.match(r"\s*WAITING_LIST_\w+=|\w+\(\) {", line):
            return "bash"
    return "json" if re.match(r'[\[{]\s*("|\[|{|$)', text) else "text"


def mistake(block: Block, shapes: dict[str, Any], paths: Sequence[str], targets: set[str]) -> str | None:
    """Return what is wrong with a block, without running it; None if it has no mistake."""
    if why := block.says("not run"):
        return "does not say why it is not run" if why == "not run" else None
    if name := block.says("tested by"):
        tested = (ROOT / name).is_file() and Path(block.page).name in (ROOT / name).read_text()
        return None if tested else f"{name} does not read this page"
    if name := block.says("in"):
        return _wrong_excerpt(block, (ROOT / name).read_text(), name)
    return None if block.says("prints") else _wrong_language(block, shapes, paths, targets)


def _wrong_language(block: Block, shapes: dict[str, Any], paths: Sequence[str], targets: set[str]) -> str | None:
    if block.language in JSON:
        return _wrong_json(block, shapes)
    if block.language in SHELL:
        return _wrong_shell(block, paths, targets)
    known = block.language in CANNOT_RUN or block.is_run
    return None if known else f"is {block.language}, is not run, and no comment says why"


def _wrong_excerpt(block: Block, code: str, name: str) -> str | None:
    parts = re.split(r"^ *…\n", block.text, flags=re.MULTILINE)
    return None if all(_is_in(part, code) for part in parts) else f"differs from {name}"


def _is_in(part: str, code: str) -> bool:
    # Blank lines are the formatter's, and differ between a page and a class.
    part, code = ("".join(line for line in text.splitlines(True) if line.strip()) for text in (part, code))
    return any(textwrap.indent(part, " " * depth) in code for depth in range(0, 20, 4))


def _wrong_json(block: Block, shapes: dict[str, Any]) -> str | None:
    try:
        found = json.loads(block.text)
    except ValueError as error:
        return f"is no JSON: {error}"
    if block.remark:
        if block.remark not in shapes:
            return f"is called {block.remark}, which is no shape of the API"
        schema = {"$ref": f"#/components/schemas/{block.remark}", "components": {"schemas": shapes}}
        if error := best_match(Draft202012Validator(schema).iter_errors(found)):
            return f"is no {block.remark}: {error.message}"
    return None


def _wrong_shell(block: Block, paths: Sequence[str], targets: set[str]) -> str | None:
    for setting in re.findall(r"WAITING_LIST_(\w+)=", block.text):
        if setting.lower() not in Settings.model_fields and setting not in ("KEY", "URL"):
            return f"there is no setting WAITING_LIST_{setting}"
    for target in re.findall(r"^make ((?:[a-z-]+ ?)*)", block.text, re.MULTILINE):
        if unknown := set(target.split()) - targets:
            return f"there is no make {unknown}"
    for path in re.findall(r"(/v1/[^\s'\"?]*)", block.text):
        known = (re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), path) or one.startswith(f"{path}/") for one in paths)
        if "$" not in path and not any(known):
            return f"there is no call {path}"
    for line in re.sub(r"\\\n", " ", block.text).splitlines():
        for called in re.findall(r"waiting-list ((?:(?!\s2?>)[^|&;)])*)", line):
            if wrong := _wrong_command(called):
                return f"waiting-list {called}: {wrong}"
        if block.is_run:
            continue
        word = next((one for one in shlex.split(line, comments=True) if not re.match(r"\w+=", one)), None)
        if word is not None and word not in _COMMANDS:
            return f"{word} is not run, and no comment says why"
    return None


def _wrong_command(called: str) -> str | None:
    words = shlex.split(called, comments=True)
    if not words or words[0].startswith("-"):
        return None if words in ([], ["--version"], ["--help"]) else "no such option"
    group = typer.main.get_command(app)
    command = group.commands.get(words[0])  # type: ignore[attr-defined]
    if command is None:
        return "no such command"
    try:
        command.make_context(words[0], words[1:])
    except Exception as error:  # whatever typer has against it
        return f"{error}"
    return None


def script(page: Sequence[Block], changed: dict[str, str]) -> str:
    """Return a bash script that does what a reader of the page does.

    Before each block, it prints which block follows. `changed` maps addresses on the page to those of the test.
    """
    parts = [
        "set -euo pipefail; set -a",  # python sees what the shell has set
        "terminals=\"\"; trap 'for one in $terminals; do kill $one; wait $one || true; done' EXIT",
    ]
    for block in page:
        text = block.text
        for old, new in changed.items():
            text = text.replace(old, new)
        parts.append(f"echo; echo '=== {block.where}'")
        if name := block.says("file"):
            parts.append(f"cat > {shlex.quote(name)} <<'END OF FILE'\n{text}END OF FILE")
        elif url := block.says("another terminal"):
            for old, new in changed.items():
                url = url.replace(old, new)
            address = re.sub(r"^(http://[^/]+).*", r"\1", url)
            port = address.rpartition(":")[2]
            if "waiting-list serve" in text:
                text = f"{text.rstrip()} --port {port}\n"
            parts.append(
                f'(exec env {text.strip()}) >terminal-{port}.log 2>&1 & terminals="$! $terminals"\n'
                f"for _ in $(seq 600); do curl -sf -o /dev/null {url} && break; kill -0 $! || "
                f"{{ cat terminal-{port}.log; exit 1; }}; sleep 0.1; done"
            )
        elif block.language in PYTHON:
            parts.append(f".venv/bin/python - <<'END OF FILE'\n{text}END OF FILE")
        else:
            parts.append(text)
    return "\n".join(parts) + "\n"


def printed(output: str) -> list[tuple[str, str]]:
    """Return the place of each block and its output, in order."""
    found = re.split(r"^=== (.*)\n", output, flags=re.MULTILINE)
    return [(where, text.strip()) for where, text in zip(found[1::2], found[2::2], strict=True)]


def is_installed(page: str) -> bool:
    """Return whether the reader of a page has `waiting-list` on the PATH.

    Such a page leads to the page that says how, or is that page. The reader of a page with `.venv/bin` is in a
    clone.
    """
    if page == "docs/how-to/install.md":
        return True
    text = (ROOT / page).read_text()
    return ".venv/bin" not in text and re.search(r"\]\([./a-z-]*install\.md\)", text) is not None


def bare_command(page: Sequence[Block]) -> Block | None:
    """Return the first block that calls `waiting-list` where the page's reader does not have it on the PATH."""
    for block in page:
        if block.language not in SHELL:
            continue
        for line in block.text.splitlines():
            if "source .venv/bin/activate" in line:
                return None
            if _IN_A_CONTAINER.match(line):
                continue
            if re.search(r"(?:^|[\s(])waiting-list [a-z-]", line) and not is_installed(block.page):
                return block
    return None


def differs(expected: Block, actual: str) -> str | None:
    """Return how an output differs from the page; None if it does not."""
    if expected.language in JSON:
        shown, found = json.loads(expected.text), json.loads(actual.splitlines()[-1])
        return None if _fits(shown, found) else f"printed {actual}"
    pattern = ".*?".join(re.escape(part) for part in expected.text.strip().split("…"))
    return None if re.fullmatch(pattern, actual, re.DOTALL) else f"printed {actual}"


def _fits(shown: Any, found: Any) -> bool:
    match shown:
        case "…":
            return True
        case dict():
            return all(key in found and _fits(value, found[key]) for key, value in shown.items())
        case list():
            return len(shown) == len(found) and all(map(_fits, shown, found))
    return bool(shown == found)
