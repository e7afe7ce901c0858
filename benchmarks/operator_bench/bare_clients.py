"""The yardstick: writes what the operator writes for one job, without thinking about anything.

What to write is taken from a job that the operator itself has handled, so both sides send the same
ConfigMap, the same Job and the same first status.
"""

import copy
from dataclasses import dataclass
from typing import Any

from operator_bench.api_sessions import BATCH_JOBS, CONFIG_MAPS, JOBS, ApiSession

_SERVER_FIELDS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


@dataclass(frozen=True, slots=True)
class Template:
    """What the operator wrote for a job named `name`."""

    name: str
    config_map: dict[str, Any]
    job: dict[str, Any]
    status: dict[str, Any]

    @classmethod
    async def read(cls, session: ApiSession, namespace: str, name: str) -> "Template":
        """Read back what the operator made."""
        owner = await session.send("GET", f"{JOBS.format(namespace=namespace)}/{name}")
        job = await session.send("GET", f"{BATCH_JOBS.format(namespace=namespace)}/{name}-1")
        for volume in job["spec"]["template"]["spec"]["volumes"]:
            if source := volume.get("configMap"):
                path = f"{CONFIG_MAPS.format(namespace=namespace)}/{source['name']}"
        return cls(name, _clean(await session.send("GET", path)), _clean_job(job), owner["status"])

    def fill(self, owner: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the ConfigMap and the Job of another FineTuneJob."""
        meta = owner["metadata"]
        filled = []
        for original in (self.config_map, self.job):
            child = copy.deepcopy(original)
            child["metadata"]["name"] = child["metadata"]["name"].replace(
                self.name, meta["name"], 1
            )
            child["metadata"]["namespace"] = meta["namespace"]
            child["metadata"]["ownerReferences"][0] |= {"name": meta["name"], "uid": meta["uid"]}
            filled.append(child)
        return filled[0], filled[1]


def _clean(child: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in child["metadata"].items() if key not in _SERVER_FIELDS}
    return {**{k: v for k, v in child.items() if k != "status"}, "metadata": meta}


def _clean_job(job: dict[str, Any]) -> dict[str, Any]:
    """Take away what the API server fills in and refuses to be told."""
    cleaned = copy.deepcopy(_clean(job))
    cleaned["spec"].pop("selector", None)
    for labels in (
        cleaned["metadata"]["labels"],
        cleaned["spec"]["template"]["metadata"]["labels"],
    ):
        for key in [
            k for k in labels if k.endswith(("controller-uid", "batch.kubernetes.io/job-name"))
        ]:
            del labels[key]
        labels.pop("job-name", None)
    return cleaned


async def write_children(session: ApiSession, template: Template, owner: dict[str, Any]) -> None:
    """Make the three writes for one job: ConfigMap, Job, status."""
    config_map, job = template.fill(owner)
    namespace, name = owner["metadata"]["namespace"], owner["metadata"]["name"]
    await session.send("POST", CONFIG_MAPS.format(namespace=namespace), config_map)
    await session.send("POST", BATCH_JOBS.format(namespace=namespace), job)
    status = {
        "metadata": {"resourceVersion": owner["metadata"]["resourceVersion"]},
        "status": template.status,
    }
    path = f"{JOBS.format(namespace=namespace)}/{name}/status"
    await session.send("PATCH", path, status, "application/merge-patch+json")
