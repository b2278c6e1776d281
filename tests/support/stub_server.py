"""A server that speaks the beginning of PostgreSQL's protocol, for servers that the tests do not have."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

READY = b"Z\0\0\0\5I"


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of the protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


def welcome(**parameters: str) -> bytes:
    """Return the answer to a login that succeeds, with these parameters of the server."""
    told = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in parameters.items())
    return message(b"R", struct.pack("!I", 0)) + told + READY


def refusal(sqlstate: str, text: str) -> bytes:
    """Return the answer to a login that fails."""
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0"
    return message(b"E", fields.encode())


@asynccontextmanager
async def stub_server(answer: bytes, *, tls: bytes = b"N") -> AsyncIterator[int]:
    """Answer each login with the same bytes, and with `tls` the question whether there is TLS. Yield the port.

    After the answer, the server ends the connection as soon as the client speaks or leaves.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!I", await reader.readexactly(4))
                body = await reader.readexactly(length - 4)
                is_question = body[:4] == struct.pack("!I", 80877103)
                writer.write(tls if is_question else answer)
                await writer.drain()
                if not is_question or tls != b"N":
                    await reader.read(1)
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
