"""Addresses of pods never meet, not within a node nor between nodes."""

from __future__ import annotations

import ipaddress

from devcluster.process_node.addresses import LAST_HOST, AddressRange


def test_addresses_are_distinct_and_clear_of_the_machines_own() -> None:
    addresses = AddressRange(block=7)

    taken = [addresses.take() for _ in range(300)]

    assert len(set(taken)) == 300
    network = ipaddress.ip_network("127.7.0.0/16")
    assert all(ipaddress.ip_address(address) in network for address in taken)


def test_an_address_comes_again_only_after_all_others() -> None:
    addresses = AddressRange(block=7)
    first = addresses.take()
    addresses.give_back(first)

    following = [addresses.take() for _ in range(LAST_HOST)]

    assert following.index(first) == LAST_HOST - 1


def test_two_nodes_of_one_name_have_different_ranges() -> None:
    first, second = AddressRange.claim("node"), AddressRange.claim("node")
    try:
        assert first.take().split(".")[1] != second.take().split(".")[1]
    finally:
        first.close()
        second.close()


def test_a_range_that_was_given_back_is_free_again() -> None:
    first = AddressRange.claim("node")
    address = first.take()
    first.close()

    second = AddressRange.claim("node")
    try:
        assert second.take() == address
    finally:
        second.close()
