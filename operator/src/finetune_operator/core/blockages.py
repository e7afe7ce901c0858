"""Why a pod does not start: no node, no image, no Secret, no volume.

`rules` asks for it while an attempt is on its way. What a user can mend is waited for, for a while;
what can never come right ends the job at once, so that it holds no GPU.
"""

import re
from dataclasses import dataclass

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.spec_sources import list_sources
from finetune_operator.core import reasons
from finetune_operator.core.faults import MAX_MESSAGE, Fault
from finetune_operator.core.records import PodRecord
from finetune_operator.core.texts import clean_text


@dataclass(frozen=True, slots=True)
class Blockage:
    """Why a pod does not start.

    Attributes:
        is_final: it never will.
        is_limited: it may, but not for longer than the start timeout.
        is_queued: it waits for room, which is nobody's fault.
    """

    fault: Fault
    is_final: bool = False
    is_limited: bool = False
    is_queued: bool = False

    @property
    def hope(self) -> int:
        """How likely the pod starts after all."""
        return 0 if self.is_final else 1 if self.is_limited else 2


_LACKS_GPU = re.compile(r"Insufficient (\S*gpu\S*|nvidia\.com/\S+|amd\.com/\S+)")
_VOLUME_WORDS = ("persistentvolumeclaim", "PersistentVolumeClaim", "volume node affinity")

_LIMITED, _FINAL = {"is_limited": True}, {"is_final": True}
_IMAGE_HINT = "check spec.image, its registry and spec.imagePullSecretNames"
_WAITING_REASONS: dict[str, tuple[str, str, dict[str, bool]]] = {
    "ErrImagePull": (reasons.IMAGE_PULL_FAILED, _IMAGE_HINT, _LIMITED),
    "ImagePullBackOff": (reasons.IMAGE_PULL_FAILED, _IMAGE_HINT, _LIMITED),
    "RegistryUnavailable": (reasons.IMAGE_PULL_FAILED, _IMAGE_HINT, _LIMITED),
    "ErrImageNeverPull": (
        reasons.IMAGE_PULL_FAILED,
        "the image is not on the node and the pull policy is Never",
        _FINAL,
    ),
    "InvalidImageName": (reasons.INVALID_IMAGE_NAME, "correct the image's name", _FINAL),
    "CreateContainerConfigError": (
        reasons.MISSING_REFERENCE,
        "create the Secret or the key that spec.model.credentialsSecretName needs",
        _LIMITED,
    ),
    "CreateContainerError": (reasons.CANNOT_START, "check the image and the node", _LIMITED),
    "RunContainerError": (reasons.CANNOT_START, "check the image and the node", _LIMITED),
}


SLOW_MOUNT_SECONDS = 20.0
"""A pod whose volumes take longer misses one, or waits for a disk."""


def explain_slow_mounts(pod: PodRecord, spec: FineTuneJobSpec) -> Blockage | None:
    """Say what a pod on its node may be missing; None when its volumes are not what it waits for.

    The status of a pod never names a ConfigMap that is not there: only an event of the kubelet
    does. So what the job names itself is told, and how to see the event.
    """
    wanted = [
        f"ConfigMap {source.name} of spec.{field}"
        for field, source in list_sources(spec)
        if source.scheme == "configmap"
    ]
    if not wanted or pod.has_sandbox is not False or pod.running_since is not None:
        return None
    fault = Fault(
        reasons.MISSING_REFERENCE,
        f"the volumes of pod {pod.name} are not ready; it mounts {', '.join(wanted)}",
        f"create what is missing; kubectl describe pod {pod.name} names it",
    )
    return Blockage(fault, is_limited=True)


def find_blockage(pod: PodRecord) -> Blockage | None:
    """Say what keeps a pod from starting; None when nothing does."""
    if pod.scheduled_at is None and pod.scheduling_reason == "Unschedulable":
        return Blockage(_explain_unschedulable(pod.scheduling_message), is_queued=True)
    if pod.waiting_reason not in _WAITING_REASONS:
        return None
    reason, hint, severity = _WAITING_REASONS[pod.waiting_reason]
    message = clean_text(f"{pod.waiting_reason}: {pod.waiting_message}", MAX_MESSAGE)
    return Blockage(Fault(reason, message, hint), **severity)


def _explain_unschedulable(message: str) -> Fault:
    text = clean_text(message, MAX_MESSAGE)
    if any(word in message for word in _VOLUME_WORDS):
        return Fault(
            reasons.VOLUME_NOT_READY,
            text,
            "check that the claim exists and that its storage class can provide it",
        )
    if lacking := _LACKS_GPU.search(message):
        hint = (
            f"no node has {lacking[1].rstrip('.,')} to spare: wait for one, or set"
            " resources.gpusPerNode: 0 to train on the CPU"
        )
        return Fault(reasons.UNSCHEDULABLE, text, hint)
    return Fault(reasons.UNSCHEDULABLE, text, "lower spec.resources or relax spec.scheduling")
