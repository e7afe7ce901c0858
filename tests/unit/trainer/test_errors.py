import re

import pytest

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_trainer import errors
from finetune_trainer.errors import TrainerError


def list_error_classes() -> list[type[TrainerError]]:
    return TrainerError.__subclasses__()


def test_every_failing_exit_code_has_exactly_one_error() -> None:
    codes = sorted(error.code for error in list_error_classes())

    assert codes == sorted(code for code in ExitCode if code is not ExitCode.DONE)


@pytest.mark.parametrize("error", list_error_classes(), ids=lambda e: e.__name__)
def test_the_drawn_tree_names_every_error_with_its_code(error: type[TrainerError]) -> None:
    assert re.search(rf"── {error.__name__} +{error.code.value}  ", errors.__doc__ or "")


def test_the_reason_is_the_one_that_the_contract_gives_for_the_code() -> None:
    assert errors.DataError("x").reason == MEANINGS[ExitCode.BAD_DATA].reason
