import pytest

from finetune_trainer.distribution.ranks import Seat
from finetune_trainer.training.memory_estimates import (
    CUDA_CONTEXT_BYTES,
    PROCESS_BYTES,
    MemoryEstimate,
    ModelSize,
    Peak,
    estimate_loading,
    estimate_training,
    list_remedies,
)
from trainer_tasks import a_spec

SIZE = ModelSize(parameters=1000, trainable=400, largest_layer=100)
FOUR_GPUS = {"gpusPerNode": 4}
STEP = Peak(training=11_600, evaluation=2_500)


def test_weights_gradients_and_optimizer_follow_from_the_parameters() -> None:
    found = estimate_training(a_spec("TextClassification"), SIZE, STEP, on_gpu=False)

    assert found == MemoryEstimate(
        weights=4000,
        gradients=1600,
        optimizer=3200,
        activations=round(1.08 * (10_000 + 2_500)),
        reload=4000,
        process=PROCESS_BYTES,
    )
    assert found.total == 4000 + 1600 + 3200 + 13_500 + 4000 + PROCESS_BYTES


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        pytest.param("AdamW", 3200, id="two numbers for each weight"),
        pytest.param("SGD", 1600, id="one"),
        pytest.param("Adafactor", 80, id="rows and columns"),
    ],
)
def test_an_optimizer_keeps_numbers_for_what_moves(optimizer: str, expected: int) -> None:
    spec = a_spec("TextClassification", training={"optimizer": optimizer})

    assert estimate_training(spec, SIZE, STEP, on_gpu=False).optimizer == expected


def test_processes_of_one_pod_share_its_memory() -> None:
    spec = a_spec("TextClassification")
    alone = estimate_training(spec, SIZE, STEP, on_gpu=False)

    found = estimate_training(spec, SIZE, STEP, on_gpu=False, seat=Seat(0, 0, 4, 2))

    # And each copies the gradients into buckets.
    assert found.total == 2 * (alone.total + 1600)
    assert "2 processes of weights" in found.describe()


def test_every_gpu_has_a_process_of_its_own() -> None:
    spec = a_spec("TextClassification", resources=FOUR_GPUS)

    found = estimate_training(spec, SIZE, STEP, on_gpu=True, seat=Seat(0, 0, 4, 4))

    assert (found.processes, found.process) == (1, CUDA_CONTEXT_BYTES)
    assert found.activations == 10_800  # an evaluation takes what the step has left


def test_a_model_that_is_spread_is_whole_nowhere() -> None:
    spec = a_spec("CausalLM", resources=FOUR_GPUS, distribution={"strategy": "FSDP"})

    found = estimate_training(spec, SIZE, STEP, on_gpu=True, seat=Seat(0, 0, 4, 4))

    assert (found.weights, found.gradients, found.optimizer) == (1000 + 2 * 400, 400, 800)
    assert found.activations == 10_800


def test_four_bits_need_little_of_the_weights() -> None:
    spec = a_spec("CausalLM", method={"type": "QLoRA"}, resources={"gpusPerNode": 1})
    size = ModelSize(7_000_000_000, 20_000_000, quantized=6_700_000_000)

    found = estimate_training(spec, size, Peak(), on_gpu=True)

    assert found.weights / 2**30 == pytest.approx(4.7, abs=0.2)


def test_before_they_move_to_a_gpu_weights_are_in_the_memory_of_the_pod() -> None:
    found = estimate_loading(SIZE, Seat(0, 0, 4, 2))

    assert found.total == 2 * (4000 + PROCESS_BYTES)


GIBIBYTE = 2**30
MANY_ACTIVATIONS = MemoryEstimate(GIBIBYTE, GIBIBYTE, 2 * GIBIBYTE, 20 * GIBIBYTE)
MANY_WEIGHTS = MemoryEstimate(20 * GIBIBYTE, 10 * GIBIBYTE, 20 * GIBIBYTE, GIBIBYTE)


def test_many_activations_are_cured_by_smaller_batches_and_checkpoints() -> None:
    said = list_remedies(a_spec("TextClassification"), MANY_ACTIVATIONS)

    assert said.startswith("lower training.batchSize and raise gradientAccumulationSteps")
    assert "gradientCheckpointing" in said
    assert said.endswith("ask for memory: 29Gi in resources")


def test_many_weights_are_cured_by_adapters_four_bits_and_more_nodes() -> None:
    spec = a_spec("CausalLM", resources={"gpusPerNode": 1})

    said = list_remedies(spec, MANY_WEIGHTS)

    assert "batchSize" not in said
    for remedy in ("LoRA", "QLoRA", "FSDP and raise resources.nodes", "62 GiB"):
        assert remedy in said


def test_what_is_done_already_is_no_remedy() -> None:
    spec = a_spec(
        "CausalLM",
        method={"type": "QLoRA"},
        training={"gradientCheckpointing": True, "batchSize": 1},
        resources={"gpusPerNode": 1},
    )

    assert list_remedies(spec, MANY_ACTIVATIONS).startswith("ask for GPUs")
