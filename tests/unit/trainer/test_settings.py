from pathlib import Path

import pytest

from finetune_api.contract.environment import Variable
from finetune_trainer.errors import ConfigError
from finetune_trainer.settings import Settings


def test_an_empty_environment_is_that_of_a_pod() -> None:
    settings = Settings.from_environment({})

    assert settings.job_file == Path("/etc/finetune/job.json")
    assert settings.volumes == Path("/volumes")
    assert settings.termination_log == Path("/dev/termination-log")
    assert (settings.attempt, settings.report_port, settings.cpu_millicores) == (1, 9400, None)


def test_a_claim_is_a_folder_among_the_volumes() -> None:
    settings = Settings.from_environment({Variable.VOLUMES_DIRECTORY: "/here"})

    assert settings.locate_uri("pvc://data/a/b.csv") == Path("/here/data/a/b.csv")


def test_a_file_source_is_an_absolute_path() -> None:
    assert Settings.from_environment({}).locate_uri("file:///opt/model") == Path("/opt/model")


def test_a_number_that_is_none_is_named_with_its_variable() -> None:
    with pytest.raises(ConfigError, match="FINETUNE_ATTEMPT is 'two'"):
        Settings.from_environment({Variable.ATTEMPT: "two"})
