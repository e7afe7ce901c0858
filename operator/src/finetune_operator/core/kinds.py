"""The kinds of object that the operator reads or writes, and how their URLs are made.

`cluster` turns a Kind into a request, `manifests` into the head of an object, the sweep walks over
WATCHED. A new child kind is one line here.
"""

from dataclasses import dataclass

from finetune_api import v1alpha1


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """What stands in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Give the URL path of one object, of a namespace's list, or of the list of all."""
        root = f"/apis/{self.group}" if self.group else "/api"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.version}{place}/{self.plural}" + (f"/{name}" if name else "")


FINETUNE_JOBS = Kind(v1alpha1.GROUP, v1alpha1.VERSION, v1alpha1.PLURAL, v1alpha1.KIND)
JOBS = Kind("batch", "v1", "jobs", "Job")
PODS = Kind("", "v1", "pods", "Pod")
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap")
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
SERVICES = Kind("", "v1", "services", "Service")
NETWORK_POLICIES = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
EVENTS = Kind("", "v1", "events", "Event")

WATCHED = (FINETUNE_JOBS, JOBS, PODS)
