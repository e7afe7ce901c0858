"""Pods of one group find each other, and no other group, without a name server."""

from typing import Any

import pytest

from devcluster.process_node.addresses import AddressRange
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.neighbours import Neighbours

PORTS = ("PORT",)


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours(AddressRange(200))


def a_pod(host: str = "reviews-1-0", job: str = "1", subdomain: str | None = "peers") -> Any:
    names = {"hostname": host, "subdomain": subdomain} if subdomain else {}
    return {
        "metadata": {
            "name": f"{host}-x",
            "namespace": "team",
            "uid": host,
            "ownerReferences": [{"uid": job}],
        },
        "spec": names,
    }


def translate(neighbours: Neighbours, pod: Any, **variables: str) -> dict[str, str]:
    facts = PodFacts(pod, "node", "127.9.9.9", {})
    return neighbours.translate(facts, variables, PORTS)


@pytest.mark.parametrize("domain", ["", ".team", ".team.svc", ".team.svc.cluster.local"])
def test_the_name_of_a_pod_is_its_address(neighbours: Neighbours, domain: str) -> None:
    address = neighbours.take_address(a_pod())

    told = translate(neighbours, a_pod("reviews-1-1"), LEADER=f"reviews-1-0.peers{domain}")

    assert told == {"LEADER": address}


def test_a_pod_that_comes_later_gets_the_address_that_was_told(neighbours: Neighbours) -> None:
    told = translate(neighbours, a_pod("reviews-1-1"), LEADER="reviews-1-0.peers")

    assert neighbours.take_address(a_pod()) == told["LEADER"]


def test_a_pod_that_comes_again_has_another_address(neighbours: Neighbours) -> None:
    first = neighbours.take_address(a_pod())
    neighbours.give_back(a_pod(), first)

    assert neighbours.take_address(a_pod()) != first


def test_each_group_has_a_port_of_its_own(neighbours: Neighbours) -> None:
    ports = [
        translate(neighbours, a_pod(host, job), PORT="29500")["PORT"]
        for host, job in (("a-1-0", "1"), ("a-1-1", "1"), ("b-1-0", "2"))
    ]

    assert ports[0] == ports[1] != ports[2]


def test_what_is_no_name_of_a_neighbour_stays(neighbours: Neighbours) -> None:
    variables = {"MODEL": "hf://org/model", "OTHER": "reviews-1-0.strangers"}

    assert translate(neighbours, a_pod(), **variables) == variables


def test_a_pod_without_neighbours_is_left_alone(neighbours: Neighbours) -> None:
    alone = a_pod(subdomain=None)

    assert translate(neighbours, alone, PORT="29500") == {"PORT": "29500"}
    assert neighbours.take_address(alone).startswith("127.200.")
