"""Asks the API server for the service account tokens that pods mount.

Every pod that does not opt out gets such a volume from admission, so a node that could not fill
it could run nothing.
"""

from __future__ import annotations

from typing import Protocol

from devcluster.api import Api, Object, persist
from devcluster.process_node.downward import PodFacts

DEFAULT_LIFETIME_SECONDS = 3600


class TokenSource(Protocol):
    """Gives tokens; tests put a constant in its place."""

    async def request(self, facts: PodFacts, projection: Object) -> str:
        """Give a token for the pod's service account, as the projection asks for it."""
        ...


class ClusterTokens:
    """Tokens of a real cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def request(self, facts: PodFacts, projection: Object) -> str:
        """Request a token that dies with the pod."""
        account = facts.pod["spec"].get("serviceAccountName") or "default"
        pod = {"apiVersion": "v1", "kind": "Pod", "name": facts.name, "uid": facts.uid}
        spec: Object = {
            "audiences": [projection["audience"]] if projection.get("audience") else [],
            "expirationSeconds": projection.get("expirationSeconds") or DEFAULT_LIFETIME_SECONDS,
            "boundObjectRef": pod,
        }
        path = f"/api/v1/namespaces/{facts.namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await persist(lambda: self._api.create(path, request))
        return str(answer["status"]["token"])
