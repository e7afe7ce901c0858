"""Foreign exceptions join our tree here: one ordered table, one row for each kind of failure.

The libraries are matched by the name of the class and not by import, so that asking what a data
error means never imports torch. `__main__` translates what nobody has caught; `models.hub` and
`data.hub` translate at once, to say which source it was.
"""

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass

from finetune_trainer.errors import (
    AccessError,
    ConfigError,
    DeviceMemoryError,
    GpuFaultError,
    InternalError,
    NotFoundError,
    StalledError,
    StorageFullError,
    TrainerError,
    TransientError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# safetensors and torch write from native code: their errors carry only a text, that of torch only
# the position at which the file ended.
_FULL_TEXT = re.compile(
    r"No space left on device|Disk quota exceeded|File too large"
    r"|PytorchStreamWriter failed|inline_container\.cc.*unexpected pos|iostream error"
)
_NETWORK = frozenset(
    {
        *("ConnectError", "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"),
        *("ReadError", "WriteError", "RemoteProtocolError", "ProxyError", "NetworkError"),
        *("ConnectionError", "Timeout", "TimeoutError", "LocalEntryNotFoundError"),
        *(
            "ClientConnectorError",
            "ServerDisconnectedError",
            "ClientPayloadError",
            "XetDownloadError",
        ),
    }
)
_MISSING = frozenset(
    {
        *("RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError"),
        *("RemoteEntryNotFoundError", "DatasetNotFoundError", "DataFilesNotFoundError"),
        "FileNotFoundError",
    }
)


@dataclass(frozen=True, slots=True)
class Translation:
    """One kind of failure.

    Attributes:
        matches: tells whether an exception is of this kind.
        error: the class of ours that it becomes.
    """

    matches: Callable[[BaseException], bool]
    error: type[TrainerError]


def _is_storage_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    is_native = _is_named(error, {"SafetensorError", "RuntimeError"})
    return is_native and _FULL_TEXT.search(str(error)) is not None


def _is_device_memory(error: BaseException) -> bool:
    return _is_named(error, {"OutOfMemoryError"}) or (
        _is_named(error, {"AcceleratorError", "RuntimeError"}) and "out of memory" in str(error)
    )


def _is_gpu_fault(error: BaseException) -> bool:
    text = str(error)
    return _is_named(error, {"AcceleratorError"}) or (
        isinstance(error, RuntimeError)
        and any(sign in text for sign in ("CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS", "NVML"))
    )


def _is_stalled(error: BaseException) -> bool:
    return _is_named(error, {"DistBackendError", "DistStoreError", "DistNetworkError"})


def _has_status(*statuses: int) -> Callable[[BaseException], bool]:
    return lambda error: _status_of(error) in statuses


def _is_server_fault(error: BaseException) -> bool:
    status = _status_of(error)
    return status is not None and (status >= 500 or status in (408, 425, 429))


def _is_gated(error: BaseException) -> bool:
    return _is_named(error, {"GatedRepoError", "DisabledRepoError", "LocalTokenNotFoundError"})


def _is_missing(error: BaseException) -> bool:
    return _is_named(error, _MISSING)


def _is_network(error: BaseException) -> bool:
    return _is_named(error, _NETWORK) or isinstance(error, ConnectionError)


def _is_bad_config(error: BaseException) -> bool:
    # A file of safetensors that the library cannot read is not better next time.
    return _is_named(error, {"ValidationError", "HFValidationError", "SafetensorError"})


TRANSLATIONS: tuple[Translation, ...] = (
    Translation(_is_storage_full, StorageFullError),
    Translation(_is_device_memory, DeviceMemoryError),
    Translation(_is_gpu_fault, GpuFaultError),
    Translation(_is_stalled, StalledError),
    Translation(_is_gated, AccessError),
    # A hub answers 401 for what does not exist and for what is private alike, and its client calls
    # both "repository not found": the status is the better witness.
    Translation(_has_status(401, 403), AccessError),
    Translation(_is_server_fault, TransientError),
    Translation(_is_network, TransientError),
    Translation(_has_status(404, 410), NotFoundError),
    Translation(_is_missing, NotFoundError),
    Translation(lambda error: isinstance(error, PermissionError), AccessError),
    Translation(_is_bad_config, ConfigError),
)


ACCESS_HINT = (
    "check the name; if it is private or gated, put a token that may read it into the Secret of"
    " model.credentialsSecretName"
)


def translate_hub_error(error: BaseException, source: str) -> TrainerError:
    """Translate what a hub's client raised; a hub tells strangers 401 for what is not there too."""
    translated = translate(error, source)
    if isinstance(translated, AccessError):
        translated.hint = ACCESS_HINT
    return translated


def translate(error: BaseException, context: str = "") -> TrainerError:
    """Find the error of ours that an exception stands for; what no row knows is a bug.

    Args:
        error: any exception; its causes are asked too.
        context: what was being done, put before the message.
    """
    for cause in _chain(error):
        if isinstance(cause, TrainerError):
            return cause
    for row in TRANSLATIONS:
        for cause in _chain(error):
            if row.matches(cause):
                return row.error(_join(context, _first_lines(cause)))
    return InternalError(_join(context, f"{type(error).__name__}: {_first_lines(error)}"))


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__
    return found


def _is_named(error: BaseException, names: frozenset[str] | set[str]) -> bool:
    return any(cls.__name__ in names for cls in type(error).__mro__)


def _status_of(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status", None)
    return status if isinstance(status, int) else None


def _join(context: str, message: str) -> str:
    return f"{context}: {message}" if context else message


def _first_lines(error: BaseException, limit: int = 400) -> str:
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return text[:limit] or type(error).__name__
