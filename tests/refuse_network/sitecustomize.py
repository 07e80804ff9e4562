"""Refuse every connection that leaves this machine.

With this folder on PYTHONPATH and T5STUDY_REFUSE_NETWORK=1 it works in each Python process that is
started, notebook kernels included; tests/conftest.py switches it on for the tests themselves.
"""

from __future__ import annotations

import ipaddress
import os
import socket


class NetworkRefused(OSError):
    """Somebody tried to reach another machine."""


def is_here(host: object) -> bool:
    """Whether a host name or address means this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_network() -> None:
    """Make the standard library's sockets refuse other machines, from now on."""
    if getattr(socket, "t5study_refuses", False):
        return
    plain_lookup = socket.getaddrinfo

    class LocalSocket(socket.socket):
        def _check(self, address: object) -> None:
            inet = self.family in (socket.AF_INET, socket.AF_INET6)
            if inet and isinstance(address, tuple) and not is_here(address[0]):
                raise NetworkRefused(f"the network is refused here, asked for {address[0]}")

        def connect(self, address):
            self._check(address)
            return super().connect(address)

        def connect_ex(self, address):
            self._check(address)
            return super().connect_ex(address)

        def sendto(self, data, *args):
            self._check(args[-1])
            return super().sendto(data, *args)

    def lookup(host, *args, **kwargs):
        if not is_here(host):
            raise NetworkRefused(f"the network is refused here, asked for {host}")
        return plain_lookup(host, *args, **kwargs)

    socket.socket = LocalSocket
    socket.getaddrinfo = lookup
    socket.t5study_refuses = True


if os.environ.get("T5STUDY_REFUSE_NETWORK") == "1":
    refuse_network()
