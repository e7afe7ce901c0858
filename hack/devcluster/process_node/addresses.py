"""Gives every pod a loopback address of its own, so that many can listen on the same port.

Linux answers on all of 127.0.0.0/8 without any set-up. A node takes one /16 of it. Which one is
free is asked of the kernel: the node holds a UDP port bound in its range, so two nodes never share
a range and a dead one gives it back, however it died. 127.0.0.0/16 is never used: the machine's
own names (127.0.0.1, 127.0.0.53, 127.0.1.1) live there.

A program that binds 0.0.0.0 takes the port of all pods at once: pods should bind status.podIP.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import zlib
from typing import Self

CLAIM_PORT = 10255  # any fixed one; only nodes of this kind bind it on 127.x.255.254
FIRST_BLOCK, LAST_BLOCK = 1, 254
LAST_HOST = 0xFEFF  # stays clear of the claim's own address


class AddressRange:
    """One /16 of loopback addresses."""

    def __init__(self, block: int, claim: socket.socket | None = None) -> None:
        """Take 127.BLOCK.0.0/16; `claim` keeps others out as long as it is open."""
        self._base = int(ipaddress.IPv4Address(f"127.{block}.0.0"))
        self._claim = claim
        self._last = 0
        self._in_use: set[str] = set()

    @classmethod
    def claim(cls, name: str) -> Self:
        """Claim a range nobody else holds, starting the search at a place of the node's own."""
        blocks = LAST_BLOCK - FIRST_BLOCK + 1
        start = zlib.crc32(name.encode())
        for offset in range(blocks):
            block = FIRST_BLOCK + (start + offset) % blocks
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                holder.bind((f"127.{block}.255.254", CLAIM_PORT))
            except OSError as error:
                holder.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return cls(block, holder)
        raise OSError(errno.EADDRNOTAVAIL, "every loopback range is taken by another node")

    def take(self) -> str:
        """Give an address; one that was given back comes again as late as possible.

        A peer may still try the old address for a while, and must not reach a stranger.
        """
        for _ in range(LAST_HOST):
            self._last = self._last % LAST_HOST + 1
            address = str(ipaddress.IPv4Address(self._base + self._last))
            if address not in self._in_use:
                self._in_use.add(address)
                return address
        raise OSError(errno.EADDRNOTAVAIL, "this node has no free pod address")

    def give_back(self, address: str) -> None:
        """Take an address back."""
        self._in_use.discard(address)

    def close(self) -> None:
        """Let another node have the range."""
        if self._claim:
            self._claim.close()
