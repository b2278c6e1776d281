"""Ports for servers that need one before they start."""

import itertools
import os
import socket

_SHARE = 1_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
# These ports are below those that the system assigns by itself. Each worker of a run has its own share of them,
# and two runs at the same time start at different ones.
_ports = (15_000 + _worker * _SHARE + (os.getpid() * 37 + n) % _SHARE for n in itertools.count())


def free_port() -> int:
    """Find a free port of the loopback that the system will not assign to anybody else."""
    for port in itertools.islice(_ports, _SHARE):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
