"""Tells a node which pods are bound to it; shared by the process node and the scripted node."""

from __future__ import annotations

from collections.abc import Callable

from devcluster.api import Api, Changed, Listed, Object


async def follow_pods(
    api: Api, node: str, seen: Callable[[Object], None], gone: Callable[[str], None]
) -> None:
    """Watch the pods of a node for ever.

    Args:
        api: where they are.
        node: name of the node.
        seen: called with every pod, when it is new and when it changed.
        gone: called with the uid of every pod whose object vanished.
    """
    known: set[str] = set()
    async for news in api.follow("/api/v1/pods", fieldSelector=f"spec.nodeName={node}"):
        if isinstance(news, Changed) and news.kind == "DELETED":
            vanished = {read_uid(news.item)} & known
            present: tuple[Object, ...] = ()
        elif isinstance(news, Listed):
            # What was deleted while the watch was broken is only noticed by its absence.
            vanished, present = known - {read_uid(pod) for pod in news.items}, news.items
        else:
            vanished, present = set(), (news.item,)
        for uid in vanished:
            gone(uid)
        for pod in present:
            seen(pod)
        known = (known - vanished) | {read_uid(pod) for pod in present}


def read_uid(pod: Object) -> str:
    """Give the uid of a pod."""
    return str(pod["metadata"]["uid"])
