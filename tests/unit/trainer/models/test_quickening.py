"""What trains on a CPU is quickened; what a GPU or a compiler does better is left to them."""

from collections.abc import Iterator

import pytest
from torch import nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from finetune_trainer.models.quick_attention import attend
from finetune_trainer.models.quick_dropout import QuickDropout
from finetune_trainer.models.quickening import quicken_training


@pytest.fixture(autouse=True)
def restored_table() -> Iterator[None]:
    AttentionInterface.register("sdpa", sdpa_attention_forward)
    yield
    AttentionInterface.register("sdpa", sdpa_attention_forward)


@pytest.mark.parametrize(
    ("device", "is_compiled", "is_quick"),
    [
        pytest.param("cpu", False, True, id="on a CPU"),
        pytest.param("cpu", True, False, id="compiled"),
        pytest.param("cuda", False, False, id="on a GPU"),
    ],
)
def test_dropout_and_attention_are_exchanged(
    device: str, is_compiled: bool, is_quick: bool
) -> None:
    model = nn.Sequential(nn.Dropout(0.1))

    quicken_training(model, device, is_compiled=is_compiled)

    assert (type(model[0]) is QuickDropout) == is_quick
    assert (AttentionInterface()["sdpa"] is attend) == is_quick
