"""The FineTuneJob, version v1alpha1: the one source of the CRD, the reference and the checks."""

from finetune_api.v1alpha1.job import (
    API_VERSION,
    GROUP,
    KIND,
    MAX_NAME_LENGTH,
    MUTABLE_FIELDS,
    PLURAL,
    VERSION,
    FineTuneJob,
    FineTuneJobSpec,
    JobMetadata,
    parse_job,
)
from finetune_api.v1alpha1.status import FineTuneJobStatus

__all__ = [
    "API_VERSION",
    "GROUP",
    "KIND",
    "MAX_NAME_LENGTH",
    "MUTABLE_FIELDS",
    "PLURAL",
    "VERSION",
    "FineTuneJob",
    "FineTuneJobSpec",
    "FineTuneJobStatus",
    "JobMetadata",
    "parse_job",
]
