"""Witnesses: they cosign what continues what they have seen, and nobody waits for them."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.ledger.test_ledger import fill
from tests.ledger.test_merkle import is_consistent
from tests.support.lists import Lists
from tests.support.until import until, working
from waiting_list.cosigners import read_witnesses
from waiting_list.ledger import queries, verify_ledger
from waiting_list.ledger.checkpoints import Checkpoints, Head
from waiting_list.ledger.receipts import Proven, receipt
from waiting_list.ledger.verify_ledger import NotCosigned, Wrong, cosigned_at, read_checkpoint
from waiting_list.ledger.witnesses import AskedWitness
from waiting_list.maintenance import Maintenance
from waiting_list.settings import Settings

SECONDS = 1_893_456_000


def key_of(name: str, private: Ed25519PrivateKey, kind: bytes = b"\4") -> tuple[bytes, str]:
    raw = kind + private.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + raw).digest()[:4]
    return key_id, f"{name}+{key_id.hex()}+{b64encode(raw).decode()}"


class AWitness:
    """A witness as C2SP tlog-witness describes it. It knows the keys of ledgers, and checks each proof itself."""

    def __init__(self, name: str = "witness.example/w1") -> None:
        self.name, self.url = name, ""
        self.private = Ed25519PrivateKey.generate()
        self.key_id, self.vkey = key_of(name, self.private)
        self.log_keys: list[str] = []
        self.seen: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None
        self.answer: Callable[[], web.Response] | None = None

    @property
    def setting(self) -> str:
        return f"{self.vkey} {self.url}"

    async def handle(self, request: web.Request) -> web.Response:
        head, _, note = (await request.text()).partition("\n\n")
        first, *proof = head.split("\n")
        self.asked.append(first)
        if self.gate:
            await self.gate.wait()
        if self.answer:
            return self.answer()
        try:
            found = read_checkpoint(note, self.log_keys)
        except Wrong:
            return web.Response(status=403)
        old = int(first.removeprefix("old "))
        size, root = self.seen.get(found.origin, (0, b""))
        if old > found.size:
            return web.Response(status=400)
        if old != size:
            return web.Response(status=409, text=f"{size}\n", content_type="text/x.tlog.size")
        if old in (0, found.size):
            consistent = not proof and (old == 0 or root == found.root)
        else:
            consistent = is_consistent(old, found.size, root, found.root, [b64decode(one) for one in proof])
        if not consistent:
            return web.Response(status=422)
        self.seen[found.origin] = found.size, found.root
        return web.Response(text=self.cosign(note))

    def cosign(self, note: str, seconds: int = SECONDS) -> str:
        text, _, _ = note.rpartition("\n\n")
        signature = self.private.sign(f"cosignature/v1\ntime {seconds}\n{text}\n".encode())
        made = b64encode(self.key_id + seconds.to_bytes(8, "big") + signature).decode()
        return f"\N{EM DASH} other.example/w2 AAAA\n\N{EM DASH} {self.name} {made}\n"


@asynccontextmanager
async def running(witness: AWitness) -> AsyncIterator[None]:
    application = web.Application()
    application.router.add_post("/ask/add-checkpoint", witness.handle)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    witness.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ask/"
    try:
        yield
    finally:
        if witness.gate:
            witness.gate.set()
        await runner.cleanup()


@pytest.fixture
def checkpoints(lists: Lists) -> Checkpoints:
    return Checkpoints(lists.pool, "https://tickets.example")


@pytest.fixture
async def witness(lists: Lists, checkpoints: Checkpoints) -> AsyncIterator[AWitness]:
    found = AWitness()
    await fill(lists, 3)
    await checkpoints.sign(lists.key.list_id)
    found.log_keys = await queries.keys(lists.pool, checkpoints, lists.key)
    async with running(found):
        yield found


def asked(lists: Lists, witness: AWitness) -> AskedWitness:
    (one,) = read_witnesses(witness.setting)
    return AskedWitness(lists.pool, one)


async def published(lists: Lists) -> Head:
    head = await queries.known_head(lists.pool, lists.key)
    assert head is not None
    return head


async def test_each_checkpoint_is_published_with_the_cosignature_of_a_witness(
    lists: Lists, checkpoints: Checkpoints, witness: AWitness
) -> None:
    asking = asked(lists, witness)
    for more in (1, 256, 1, 2):
        await fill(lists, more, f"more{more}-{len(witness.asked)}-")
        signed = await checkpoints.sign(lists.key.list_id)
        assert signed is not None
        before = await published(lists)
        assert before.note == signed.note
        await asking.ask_due()
        await asking.ask_due()
        note = (await published(lists)).note
        assert note.startswith(signed.note)
        assert note.count("\N{EM DASH}") == 2
        assert int(cosigned_at(note, witness.vkey).timestamp()) == SECONDS
        assert read_checkpoint(note, witness.log_keys).root == signed.root
        assert queries.key_id(await published(lists)) == queries.key_id(before)
    sizes = [int(one.removeprefix("old ")) for one in witness.asked]
    assert len(sizes) == 4
    assert sizes[0] == 0
    assert sizes == sorted(set(sizes))
    proven = await receipt(lists.pool, checkpoints, lists.key, 1, Proven.JOIN)
    assert verify_ledger.verify_receipt(proven)[1].size == (await published(lists)).size
    assert proven.endswith(note)


async def test_a_witness_that_knows_another_size_names_it(
    lists: Lists, checkpoints: Checkpoints, witness: AWitness
) -> None:
    await asked(lists, witness).ask_due()
    await fill(lists, 5, "more")
    await checkpoints.sign(lists.key.list_id)
    await lists.rows("UPDATE checkpoints SET cosigned = '{}'")
    await asked(lists, witness).ask_due()
    assert cosigned_at((await published(lists)).note, witness.vkey)
    # Killed between the answer and our own commit.
    await lists.rows("UPDATE checkpoints SET cosigned = '{}'")
    await asked(lists, witness).ask_due()
    assert cosigned_at((await published(lists)).note, witness.vkey)
    assert len(witness.asked) == 5


async def test_a_witness_does_not_cosign_another_history_and_the_next_checkpoint_is_asked_for(
    lists: Lists, checkpoints: Checkpoints, witness: AWitness
) -> None:
    asking = asked(lists, witness)
    origin = (await published(lists)).origin
    witness.seen[origin] = 2, bytes(32)
    with capture_logs() as logs:
        for _ in range(2):
            await asking.ask_due()
            await asking.ask_due()
            await fill(lists, 1, f"more{len(witness.asked)}")
            await checkpoints.sign(lists.key.list_id)
    assert [(one["event"], one["error"]) for one in logs] == [("witness_refused", "answered 422")]
    assert witness.asked == ["old 0", "old 2"] * 2
    with pytest.raises(NotCosigned):
        cosigned_at((await published(lists)).note, witness.vkey)
    witness.seen[origin] = 10**6, bytes(32)
    await asking.ask_due()
    assert len(witness.asked) == 5
    del witness.seen[origin]
    await fill(lists, 1, "last")
    await checkpoints.sign(lists.key.list_id)
    await asking.ask_due()
    assert cosigned_at((await published(lists)).note, witness.vkey)


async def test_what_a_witness_did_not_sign_is_not_published(lists: Lists, witness: AWitness) -> None:
    note = (await published(lists)).note
    forger = AWitness()
    forger.key_id = witness.key_id
    other = note.replace("\n", "x\n", 1)
    for answer in (
        "",
        "nonsense",
        "\N{EM DASH} witness.example/w1 AAAA\n",
        forger.cosign(note),
        witness.cosign(other),
        witness.cosign(note, seconds=0),
        AWitness("witness.example/w2").cosign(note),
        "x" * 20_000,
    ):
        witness.answer = lambda answer=answer: web.Response(text=answer)
        await asked(lists, witness).ask_due()
        assert (await published(lists)).note == note
    for status in (301, 404, 409):
        witness.answer = lambda status=status: web.Response(status=status, text="x")
        await asked(lists, witness).ask_due()
        assert (await published(lists)).note == note


async def test_only_public_ledgers_are_shown_to_witnesses(lists: Lists, witness: AWitness) -> None:
    await lists.rows("UPDATE inventory SET public_ledger = false")
    await asked(lists, witness).ask_due()
    assert witness.asked == []


async def test_the_worker_asks_and_a_witness_that_is_down_or_hangs_delays_nothing(
    lists: Lists, checkpoints: Checkpoints, witness: AWitness
) -> None:
    hanging, down = AWitness("witness.example/hangs"), AWitness("witness.example/down")
    hanging.gate = asyncio.Event()
    async with running(down):
        pass
    async with running(hanging):
        setting = ", ".join(one.setting for one in (hanging, down, witness))
        worker = Maintenance(lists.pool, lists.engine, checkpoints=checkpoints, witnesses=setting)

        async def is_cosigned() -> bool:
            return f" {witness.name} " in (await published(lists)).note

        with capture_logs() as logs:
            async with working(worker):
                await until(is_cosigned)
                await until(lambda: _said(len(hanging.asked) == 1))
                await until(lambda: _said(any(one["event"] == "witness_failing" for one in logs)))
    (failing,) = [one for one in logs if one["event"] == "witness_failing"]
    assert failing["witness"] == "witness.example/down"


async def _said(what: bool) -> bool:
    return what


async def test_a_verifier_requires_the_witnesses_that_it_is_given(
    lists: Lists,
    checkpoints: Checkpoints,
    witness: AWitness,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forms = await queries.public_forms(lists.pool, lists.key.list_id, 1, 10**6)
    bare = (await published(lists)).note
    await asked(lists, witness).ask_due()
    whole = (await published(lists)).note
    bodies = {
        "ledger": b"".join(form + b"\n" for form in forms),
        "ledger-keys": "\n".join(witness.log_keys).encode(),
    }
    notes = [bare]

    def download(url: str) -> bytes:
        path = url.rpartition("/")[2]
        return bodies[path] if path in bodies else (notes.pop(0) if len(notes) > 1 else notes[0]).encode()

    def verify(*options: str) -> tuple[int, str]:
        return verify_ledger.main(["https://tickets.example/list", *options]), capsys.readouterr().out

    monkeypatch.setattr(verify_ledger, "download", download)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(verify_ledger, "COSIGNED_WITHIN", 0.05)
    assert verify()[0] == 0
    missing = verify("--witness", witness.vkey)
    assert missing == (1, "The witness witness.example/w1 has not cosigned this checkpoint.\n")
    monkeypatch.setattr(verify_ledger, "COSIGNED_WITHIN", 60)
    notes[:] = [bare, bare, whole]
    code, said = verify("--witness", witness.vkey)
    assert (code, said.splitlines()[-1]) == (
        0,
        "Cosigned at 2030-01-01T00:00:00Z by the witness witness.example/w1, which has seen no other history.",
    )
    monkeypatch.setattr(verify_ledger, "COSIGNED_WITHIN", 0)
    assert verify()[0] == 0
    other = AWitness("witness.example/w2")
    assert verify("--witness", witness.vkey, "--witness", other.vkey)[0] == 1
    log_key = key_of(witness.name, witness.private, b"\1")[1]
    assert verify("--witness", log_key)[0] == 1
    forger = AWitness()
    forger.key_id = witness.key_id
    notes[:] = [bare + forger.cosign(bare).split("\n")[1] + "\n"]
    assert verify("--witness", witness.vkey) == (1, "The cosignature of witness.example/w1 is forged.\n")
    file = tmp_path / "receipt"
    file.write_text(await receipt(lists.pool, checkpoints, lists.key, 1, Proven.JOIN), encoding="utf-8")
    assert verify_ledger.main(["--receipt", str(file), "--witness", witness.vkey]) == 0
    assert "Cosigned at 2030-01-01T00:00:00Z" in capsys.readouterr().out
    assert verify_ledger.main(["--receipt", str(file), "--witness", other.vkey]) == 1


def _settings(value: str) -> Any:
    return Settings(ledger_witnesses=value)


def test_a_setting_names_witnesses_by_keys_and_addresses() -> None:
    one, two = AWitness(), AWitness("witness.example/w2")
    one.url, two.url = "https://w1.example/", "https://w2.example/a"
    both = read_witnesses(f"{one.setting}, {two.setting},")
    assert [(each.name, each.url) for each in both] == [
        (one.name, "https://w1.example"),
        (two.name, "https://w2.example/a"),
    ]
    assert read_witnesses("") == []
    log_key = key_of(one.name, one.private, b"\1")[1]
    other_id = f"{one.name}+00000000+{one.vkey.split('+', 2)[2]}"
    for wrong in (
        one.vkey,
        "https://w1.example",
        f"{log_key} {one.url}",
        f"{other_id} {one.url}",
        f"{one.vkey} w1",
    ):
        with pytest.raises(ValidationError, match="must have"):
            _settings(wrong)
    with pytest.raises(ValidationError, match="each witness once"):
        _settings(f"{one.setting},{one.setting}")
