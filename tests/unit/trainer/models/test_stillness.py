import torch
from torch import nn

from finetune_trainer.models.stillness import Stillness


def make_model() -> nn.Module:
    """A body with a norm and dropout, and an output layer with dropout of its own."""
    body = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    return nn.Sequential(body, nn.Dropout(0.5), nn.Linear(4, 2))


def freeze_body(model: nn.Module) -> nn.Module:
    model[0].requires_grad_(False)  # type: ignore[index]
    return model


def extract(model: nn.Module, stillness: Stillness) -> torch.Tensor:
    model.train()
    stillness.hold()
    features: torch.Tensor = model[0](torch.arange(12.0).reshape(3, 4))  # type: ignore[index]
    return features


def test_features_are_the_same_every_time() -> None:
    model = freeze_body(make_model())
    stillness = Stillness(model, is_extraction=True)

    assert extract(model, stillness).equal(extract(model, stillness))


def test_the_dropout_of_the_output_layer_goes_on() -> None:
    model = freeze_body(make_model())
    model.train()

    Stillness(model, is_extraction=True).hold()

    assert [module.training for module in model.children()] == [False, True, True]


def test_a_frozen_norm_keeps_its_statistics_under_every_method() -> None:
    model = freeze_body(make_model())

    extract(model, Stillness(model, is_extraction=False))

    assert not model.state_dict()["0.1.running_mean"].any()


def test_dropout_in_frozen_layers_goes_on_where_layers_below_the_head_are_trained() -> None:
    model = freeze_body(make_model())
    model.train()

    Stillness(model, is_extraction=False).hold()

    assert model.get_submodule("0.2").training


def test_a_norm_that_is_opened_moves_again() -> None:
    model = freeze_body(make_model())
    stillness = Stillness(model, is_extraction=False)
    extract(model, stillness)
    model.requires_grad_(True)

    extract(model, stillness)

    assert model.state_dict()["0.1.running_mean"].any()
