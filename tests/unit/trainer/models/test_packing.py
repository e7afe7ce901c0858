from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.models.packing import check_packing
from language_models import make_tiny_gpt2, make_tiny_llama


@pytest.fixture(scope="module", params=[make_tiny_gpt2, make_tiny_llama])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = request.param(tmp_path_factory.mktemp("models") / "tiny")
    return made


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_current_models_keep_packed_rows_apart(folder: Path, attention: str) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention).train()

    check_packing(model, "pvc://m/tiny")

    assert model.training


def test_a_model_that_lets_rows_see_each_other_is_refused(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    forward = model.forward

    def forget_positions(*args: Any, position_ids: Any = None, **options: Any) -> Any:
        return forward(*args, **options)

    model.forward = forget_positions

    with pytest.raises(ConfigError, match=r"packing is true, but the .* pvc://m/tiny lets"):
        check_packing(model, "pvc://m/tiny")
