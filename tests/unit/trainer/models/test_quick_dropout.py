"""Masks that are drawn quickly must be those of dropout all the same: rate, mean, independence."""

import math

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from finetune_trainer.models.quick_dropout import QuickDropout, draw_mask, drop, quicken

SIDE = 1000
LEVEL = 1 / 256


def draw(probability: float, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    torch.manual_seed(seed)
    return draw_mask(torch.Size((SIDE, SIDE)), probability, dtype)


@pytest.mark.parametrize("probability", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_numbers_are_dropped_at_the_rate_that_was_asked_for(probability: float) -> None:
    """Over many masks: each takes one of the two levels next to the rate."""
    torch.manual_seed(0)
    shape, masks = torch.Size((100, 100)), 2000

    rates = [(draw_mask(shape, probability, torch.float32) == 0).double() for _ in range(masks)]
    rate = torch.stack([mask.mean() for mask in rates]).mean().item()

    error = math.sqrt(probability * (1 - probability) / (masks * shape.numel()))
    assert abs(rate - probability) < 5 * (error + LEVEL / 2 / math.sqrt(masks))


@pytest.mark.parametrize("probability", [0.003, 0.1, 0.9])
def test_a_mask_takes_one_of_the_two_levels_next_to_the_rate(probability: float) -> None:
    counts = {round(1 / draw(probability, seed).max().item() / LEVEL) for seed in range(20)}

    lower = math.floor((1 - probability) / LEVEL)
    assert counts == {lower, lower + 1}


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.5])
def test_the_mean_stays(probability: float) -> None:
    assert draw(probability).double().mean().item() == pytest.approx(1, abs=0.01)


def test_what_is_kept_is_scaled_alike() -> None:
    kept = draw(0.1)
    (factor,) = set(kept[kept > 0].tolist())
    assert factor == pytest.approx(1 / 0.9, rel=LEVEL / 0.9)
    assert (kept > 0).double().mean().item() == pytest.approx(1 / factor, abs=0.0015)


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 6, 7, 8, 9, SIDE])
def test_neighbours_are_dropped_independently(distance: int) -> None:
    """Eight of them come from one draw, which must not show."""
    dropped = (draw(0.1).flatten() == 0).double()
    together = (dropped[:-distance] * dropped[distance:]).mean().item()

    wanted = dropped.mean().item() ** 2
    assert together == pytest.approx(wanted, abs=5 * math.sqrt(0.01 * 0.99 / SIDE**2))


def test_each_of_the_eight_numbers_of_a_draw_has_the_same_rate() -> None:
    dropped = (draw(0.1).flatten().reshape(-1, 8) == 0).double()
    wanted = [dropped.mean().item()] * 8
    error = math.sqrt(0.09 * 8 / SIDE**2)
    assert dropped.mean(dim=0).tolist() == pytest.approx(wanted, abs=5 * error)


def test_columns_vary_as_much_as_chance_does() -> None:
    """The counts of a thousand columns follow the binomial distribution, by chi-square."""
    counts = (draw(0.1) == 0).double().sum(dim=0)
    rate = counts.mean().item() / SIDE
    chi_square = ((counts - SIDE * rate) ** 2).sum().item() / (SIDE * rate * (1 - rate))

    assert abs(chi_square - SIDE) < 5 * math.sqrt(2 * SIDE)


def test_the_seed_decides() -> None:
    assert torch.equal(draw(0.1, seed=1), draw(0.1, seed=1))
    assert not torch.equal(draw(0.1, seed=1), draw(0.1, seed=2))


def test_the_state_of_the_generator_is_all_that_a_checkpoint_must_keep() -> None:
    draw(0.1)
    state = torch.get_rng_state()
    expected = draw_mask(torch.Size((7, 3)), 0.1, torch.float32)

    torch.manual_seed(99)
    torch.set_rng_state(state)

    assert torch.equal(draw_mask(torch.Size((7, 3)), 0.1, torch.float32), expected)


def test_gradient_checkpointing_draws_the_same_mask_again() -> None:
    layer = QuickDropout(0.5).train()
    values = torch.ones(100, requires_grad=True)

    out = checkpoint(layer, values, use_reentrant=False)
    out.sum().backward()

    assert values.grad is not None
    assert torch.equal(values.grad, out.detach())


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (5, 7), (2, 3, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_every_shape_and_type_is_kept(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    found = drop(torch.ones(shape, dtype=dtype), 0.3)
    assert (found.shape, found.dtype) == (shape, dtype)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [pytest.param(0.0, 1.0, id="none"), pytest.param(1.0, 0.0, id="all")],
)
def test_the_ends_of_the_scale_are_exact(probability: float, expected: float) -> None:
    assert drop(torch.ones(50), probability).tolist() == [expected] * 50


def test_nothing_is_dropped_in_an_evaluation() -> None:
    values = torch.randn(50)
    assert torch.equal(QuickDropout(0.5).eval()(values), values)


def test_a_model_keeps_its_dropout_modules_in_place() -> None:
    inner = nn.Dropout(0.2)
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(inner), nn.Dropout1d(0.1))

    assert quicken(model) == 1

    assert isinstance(inner, QuickDropout)
    assert (model[1][0], inner.p) == (inner, 0.2)  # type: ignore[index]
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
