import errno
from typing import Any

import httpx2
import pytest
from huggingface_hub import errors as hub

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import DataError
from finetune_trainer.translations import translate


def an_http_error(status: int, kind: type[hub.HfHubHTTPError] = hub.HfHubHTTPError) -> Exception:
    request = httpx2.Request("GET", "https://hub/api")
    return kind(f"{status} for url", response=httpx2.Response(status, request=request))


def named(name: str, message: str = "", base: type[Exception] = Exception) -> Exception:
    """An exception of a library that is not imported here."""
    kind: Any = type(name, (base,), {})
    error: Exception = kind(message)
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(OSError(errno.ENOSPC, "full"), ExitCode.STORAGE_FULL, id="disk full"),
        pytest.param(OSError(errno.EDQUOT, "quota"), ExitCode.STORAGE_FULL, id="quota used up"),
        pytest.param(OSError(errno.EFBIG, "big"), ExitCode.STORAGE_FULL, id="file size limit"),
        pytest.param(
            named("SafetensorError", "I/O error: No space left on device (os error 28)"),
            ExitCode.STORAGE_FULL,
            id="disk full inside safetensors",
        ),
        pytest.param(
            RuntimeError("PytorchStreamWriter failed writing file data/0"),
            ExitCode.STORAGE_FULL,
            id="disk full inside torch",
        ),
        pytest.param(
            RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 640 vs 598"),
            ExitCode.STORAGE_FULL,
            id="disk full when torch closes the file",
        ),
        pytest.param(
            named("OutOfMemoryError", "CUDA out of memory", RuntimeError),
            ExitCode.CUDA_OUT_OF_MEMORY,
            id="GPU memory",
        ),
        pytest.param(
            named("AcceleratorError", "CUDA error: an illegal memory access", RuntimeError),
            ExitCode.GPU_FAULT,
            id="GPU fault",
        ),
        pytest.param(
            RuntimeError("CUDA error: uncorrectable ECC error"), ExitCode.GPU_FAULT, id="ECC error"
        ),
        pytest.param(named("DistBackendError"), ExitCode.STALLED, id="NCCL gave up"),
        pytest.param(
            an_http_error(403, hub.GatedRepoError), ExitCode.ACCESS_DENIED, id="gated model"
        ),
        pytest.param(
            an_http_error(401, hub.RepositoryNotFoundError),
            ExitCode.ACCESS_DENIED,
            id="a 401 is about access even if the client calls it not found",
        ),
        pytest.param(an_http_error(403), ExitCode.ACCESS_DENIED, id="403"),
        pytest.param(
            an_http_error(404, hub.RepositoryNotFoundError), ExitCode.NOT_FOUND, id="no repository"
        ),
        pytest.param(
            an_http_error(404, hub.RevisionNotFoundError), ExitCode.NOT_FOUND, id="no revision"
        ),
        pytest.param(an_http_error(404), ExitCode.NOT_FOUND, id="404"),
        pytest.param(an_http_error(429), ExitCode.TRANSIENT, id="429"),
        pytest.param(an_http_error(500), ExitCode.TRANSIENT, id="500"),
        pytest.param(an_http_error(503), ExitCode.TRANSIENT, id="503"),
        pytest.param(httpx2.ConnectError("refused"), ExitCode.TRANSIENT, id="no connection"),
        pytest.param(httpx2.ReadTimeout("slow"), ExitCode.TRANSIENT, id="read timeout"),
        pytest.param(ConnectionResetError("reset"), ExitCode.TRANSIENT, id="reset"),
        pytest.param(
            hub.LocalEntryNotFoundError("offline"), ExitCode.TRANSIENT, id="hub not reachable"
        ),
        pytest.param(named("DatasetNotFoundError"), ExitCode.NOT_FOUND, id="no data set"),
        pytest.param(FileNotFoundError("x"), ExitCode.NOT_FOUND, id="no file"),
        pytest.param(PermissionError("x"), ExitCode.ACCESS_DENIED, id="file of somebody else"),
        pytest.param(DataError("x"), ExitCode.BAD_DATA, id="ours stay what they are"),
        pytest.param(KeyError("x"), ExitCode.INTERNAL, id="what nobody knows is a bug"),
    ],
)
def test_foreign_exceptions_become_exit_codes(error: Exception, code: ExitCode) -> None:
    assert translate(error).code is code


def test_the_cause_is_asked_too() -> None:
    error = RuntimeError("writing failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")

    assert translate(error).code is ExitCode.STORAGE_FULL


def test_an_error_while_another_is_handled_is_not_taken_for_it() -> None:
    error = KeyError("a bug")
    error.__context__ = FileNotFoundError("handled already")

    assert translate(error).code is ExitCode.INTERNAL


def test_the_context_stands_before_the_message() -> None:
    translated = translate(an_http_error(503), "model.source hf://a/b")

    assert str(translated).startswith("model.source hf://a/b: 503")
