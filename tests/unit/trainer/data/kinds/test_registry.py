import pytest

from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.kinds.registry import KINDS


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_value_is_known(kind: Kind) -> None:
    assert kind in KINDS
