"""Lets the pods of a group find each other: what DNS and a network of one's own do elsewhere.

A headless Service makes a name of a pod's `hostname` and `subdomain`. There is no name server here,
so the name is replaced by the pod's address before a process sees it. And a program that listens on
every address takes the port of all pods at once, so a port at which a group meets is replaced by
one that the group has for itself. `launches` asks for both; all pods of a group are on one node.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Collection, Mapping
from typing import NamedTuple

from devcluster.api import Object
from devcluster.process_node.addresses import AddressRange
from devcluster.process_node.downward import PodFacts

PORTS = range(20000, 30000)  # below those that the kernel gives to whoever asks for any
_DOMAINS = r"(\.[a-z0-9-]+(\.svc(\.cluster\.local)?)?)?"


class HostName(NamedTuple):
    """The name of a pod within the cluster."""

    namespace: str
    subdomain: str
    host: str


class Neighbours:
    """The addresses of this node's pods by name, and the ports of their groups."""

    def __init__(self, addresses: AddressRange) -> None:
        """Give out addresses of a range."""
        self._addresses = addresses
        self._by_name: dict[HostName, str] = {}
        self._awaited: set[HostName] = set()
        self._ports: dict[str, int] = {}

    def take_address(self, pod: Object) -> str:
        """Give a pod its address: the one that a neighbour was already told, if there is one."""
        name = read_host_name(pod)
        if name is None:
            return self._addresses.take()
        if name not in self._awaited:
            self._by_name[name] = self._addresses.take()
        self._awaited.discard(name)
        return self._by_name[name]

    def give_back(self, pod: Object, address: str) -> None:
        """Take an address back."""
        name = read_host_name(pod)
        if name is not None and self._by_name.get(name) == address:
            del self._by_name[name]
        self._addresses.give_back(address)

    def translate(
        self, facts: PodFacts, variables: Mapping[str, str], port_variables: Collection[str]
    ) -> dict[str, str]:
        """Replace names of neighbours by addresses, and the ports of the group by its own."""
        if not facts.pod["spec"].get("subdomain"):
            return dict(variables)
        return {
            name: self._find_port(facts.pod)
            if name in port_variables
            else self._find_address(facts, value)
            for name, value in variables.items()
        }

    def _find_address(self, facts: PodFacts, value: str) -> str:
        subdomain = facts.pod["spec"]["subdomain"]
        match = re.fullmatch(rf"([a-z0-9-]+)\.{re.escape(subdomain)}{_DOMAINS}", value)
        if match is None:
            return value
        name = HostName(facts.namespace, subdomain, match[1])
        if name not in self._by_name:  # it comes later, and gets the address then
            self._by_name[name] = self._addresses.take()
            self._awaited.add(name)
        return self._by_name[name]

    def _find_port(self, pod: Object) -> str:
        owners = pod["metadata"].get("ownerReferences") or ({"uid": pod["metadata"]["uid"]},)
        group = owners[0]["uid"]
        if group not in self._ports:
            self._ports[group] = find_free_port(taken=self._ports.values())
        return str(self._ports[group])


def read_host_name(pod: Object) -> HostName | None:
    """Give the name of a pod; None for one that has none."""
    spec = pod["spec"]
    if not spec.get("hostname") or not spec.get("subdomain"):
        return None
    return HostName(pod["metadata"]["namespace"], spec["subdomain"], spec["hostname"])


def find_free_port(taken: Collection[int]) -> int:
    """Find a port that nobody listens at on any address."""
    for port in random.sample(PORTS, len(PORTS)):
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise OSError("every port of this machine is taken")
