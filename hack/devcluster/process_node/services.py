"""What a node offers to each of its pods; made once by `nodes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devcluster.api import Api
from devcluster.process_node.neighbours import Neighbours
from devcluster.process_node.references import ClusterReferences
from devcluster.process_node.settings import NodeSettings
from devcluster.process_node.tokens import ClusterTokens


@dataclass(frozen=True, slots=True)
class NodeServices:
    """Shared by all pods of a node."""

    api: Api
    settings: NodeSettings
    neighbours: Neighbours
    references: ClusterReferences
    tokens: ClusterTokens
    capacity: Mapping[str, str]
