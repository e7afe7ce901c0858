import pytest

from finetune_api.v1alpha1.method import GradualUnfreezing
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.layers import read_layout
from finetune_trainer.models.unfreezing import Unfreezing, plan_unfreezing

NAMES = ["wte.weight", "h.0.w", "h.1.w", "h.2.w", "ln_f.weight", "score.weight"]
LAYOUT = read_layout(NAMES, {"score.weight"})


def list_open(unfreezing: Unfreezing, epoch: int) -> list[str]:
    return [name for name in NAMES if unfreezing.is_open(name, epoch)]


def test_layers_open_from_the_top_and_the_embeddings_come_last() -> None:
    unfreezing = plan_unfreezing(GradualUnfreezing(), LAYOUT)

    opened = [list_open(unfreezing, epoch) for epoch in range(6)]

    # What lies above all layers opens with the top one.
    assert opened == [NAMES[5:], NAMES[3:], NAMES[2:], NAMES[1:], NAMES, NAMES]


def test_steps_may_open_several_layers_and_wait_some_epochs() -> None:
    unfreezing = plan_unfreezing(GradualUnfreezing(every_epochs=2, layers_per_step=2), LAYOUT)

    opened = [list_open(unfreezing, epoch) for epoch in range(7)]

    assert opened == [NAMES[5:]] * 2 + [NAMES[2:]] * 2 + [NAMES[1:]] * 2 + [NAMES]


@pytest.mark.parametrize(
    ("epochs", "says"),
    [
        pytest.param(1, "3 of 3 layers and the embeddings never move", id="only the head moves"),
        pytest.param(3, "1 of 3 layers and the embeddings never move", id="a layer stays"),
        pytest.param(4, "has 4: the embeddings never move", id="the embeddings stay"),
        pytest.param(2.5, "1 of 3 layers and the embeddings never move", id="a part of an epoch"),
    ],
)
def test_a_run_too_short_to_open_everything_is_warned_of(epochs: float, says: str) -> None:
    warnings = plan_unfreezing(GradualUnfreezing(), LAYOUT).find_warnings(epochs)

    assert len(warnings) == 1
    assert says in warnings[0]
    assert "raise training.epochs to 5" in warnings[0]


def test_a_run_that_opens_everything_is_not_warned_of() -> None:
    assert plan_unfreezing(GradualUnfreezing(), LAYOUT).find_warnings(5) == []


def test_a_model_without_an_output_layer_of_its_own_is_refused() -> None:
    with pytest.raises(ConfigError, match="gradualUnfreezing begins with the output layer, but"):
        plan_unfreezing(GradualUnfreezing(), read_layout(NAMES[:5], ()))


def test_a_model_without_layers_is_refused() -> None:
    names = ["body.weight", "score.weight"]

    with pytest.raises(ConfigError, match="has no numbered layers"):
        plan_unfreezing(GradualUnfreezing(), read_layout(names, {"score.weight"}))
