import pytest

from finetune_api.v1alpha1.training import Training
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.layers import read_layout
from finetune_trainer.models.parameter_groups import group_parameters

NAMES = [
    "bert.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.weight",
    "bert.encoder.layer.1.weight",
    "bert.encoder.layer.1.bias",
    "bert.pooler.weight",
    "classifier.weight",
]
LAYOUT = read_layout(NAMES, {"classifier.weight"})
DECAYED = {name for name in NAMES if name.endswith("weight")}


def rates(training: Training) -> dict[str, float]:
    groups = group_parameters(NAMES, DECAYED, LAYOUT, training)
    return {name: group.learning_rate for group in groups for name in group.names}


def test_bias_is_not_decayed() -> None:
    groups = group_parameters(NAMES, DECAYED, LAYOUT, Training(learning_rate=1e-4))

    assert {(group.weight_decay, len(group.names)) for group in groups} == {(0.01, 5), (0.0, 1)}


def test_each_layer_learns_more_slowly_than_the_one_above() -> None:
    found = rates(
        Training(learning_rate=1.0, head_learning_rate=1.0, layerwise_learning_rate_decay=0.5)
    )

    assert found == {
        "classifier.weight": 1.0,
        "bert.pooler.weight": 1.0,
        "bert.encoder.layer.1.weight": 1.0,
        "bert.encoder.layer.1.bias": 1.0,
        "bert.encoder.layer.0.weight": 0.5,
        "bert.embeddings.word_embeddings.weight": 0.25,
    }


def test_the_head_has_a_rate_of_its_own() -> None:
    found = rates(Training(learning_rate=1e-5, head_learning_rate=1e-3))

    assert found["classifier.weight"] == 1e-3
    assert found["bert.encoder.layer.1.weight"] == 1e-5


def test_every_parameter_is_in_exactly_one_group() -> None:
    groups = group_parameters(NAMES, DECAYED, LAYOUT, Training(learning_rate=1e-4))

    assert sorted(name for group in groups for name in group.names) == sorted(NAMES)


def test_a_decay_by_layer_needs_layers() -> None:
    names = ["body.weight", "head.weight"]
    training = Training(learning_rate=1e-4, layerwise_learning_rate_decay=0.9)

    with pytest.raises(ConfigError, match=r"layerwiseLearningRateDecay is 0\.9"):
        group_parameters(names, names, read_layout(names, {"head.weight"}), training)


def test_a_rate_of_the_head_needs_a_head_that_is_trained() -> None:
    training = Training(learning_rate=1e-4, head_learning_rate=1e-3)

    with pytest.raises(ConfigError, match=r"headLearningRate is 0\.001, but this job trains no"):
        group_parameters(NAMES[:-1], DECAYED, LAYOUT, training)
