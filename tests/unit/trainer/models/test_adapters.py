"""Adapters on tiny models: what is trained, what is kept, and that it comes back."""

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.tasks import TaskName
from finetune_api.v1alpha1.training import Training
from finetune_trainer.errors import ConfigError, InternalError
from finetune_trainer.models import adapters
from finetune_trainer.models.adapter_files import WEIGHTS_NAME, load_adapter, save_adapter
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.models.parameter_groups import group_parameters
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.registry import find_task
from model_skeletons import build_skeletons
from trainer_families import FAMILIES, make_tiny_gpt2
from trainer_models import make_tiny_bert
from trainer_tasks import a_spec

LABELS = ("negative", "positive")
SORTING: TaskName = "TextClassification"
ROWS = torch.tensor([[9, 30, 31, 32], [9, 33, 0, 0]])
BATCH = {"input_ids": ROWS, "attention_mask": (ROWS > 0).long()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {name: make(root / name) for name, make in FAMILIES.items()}


def pretrained_in(folder: Path, source: str = "pvc://models/tiny") -> Pretrained:
    config = json.loads((folder / "config.json").read_text())
    return Pretrained(source, folder, folder, "a" * 40, config)


def load(folder: Path, method: dict[str, Any], task: TaskName = SORTING) -> Loaded:
    labels = LABELS if task.endswith("Classification") else ()
    torch.manual_seed(0)
    return load_model(pretrained_in(folder), a_spec(task, method=method), find_task(task), labels)


def list_trained(loaded: Loaded) -> list[str]:
    return [name for name, p in loaded.model.named_parameters() if p.requires_grad]


def disturb(loaded: Loaded, spared: str = "nothing") -> None:
    """Stand for a training: everything that may move does."""
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if parameter.requires_grad and spared not in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)


def answer(model: Any) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        logits: torch.Tensor = model(**BATCH).logits
    return logits


METHODS = pytest.mark.parametrize(
    "method", [pytest.param(m, id=m) for m in ("LoRA", "IA3", "PromptTuning", "PrefixTuning")]
)


@METHODS
def test_only_the_adapter_and_the_new_output_layer_are_trained(
    folders: dict[str, Path], method: str
) -> None:
    trained = list_trained(load(folders["BERT"], {"type": method}))

    marks = ("lora_", "ia3_", "prompt_encoder", "classifier.modules_to_save")
    assert all(any(mark in name for mark in marks) for name in trained)
    assert sum("classifier" in name for name in trained) == 2
    assert len(trained) > 2


@METHODS
def test_an_adapter_comes_back_from_its_files(
    folders: dict[str, Path], tmp_path: Path, method: str
) -> None:
    trained = load(folders["BERT"], {"type": method})
    disturb(trained)
    save_adapter(trained.model, tmp_path)
    fresh = load(folders["BERT"], {"type": method})

    load_adapter(fresh.model, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", WEIGHTS_NAME]
    assert answer(fresh.model).equal(answer(trained.model))


@METHODS
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_peft_loads_it_over_the_base(folders: dict[str, Path], tmp_path: Path, method: str) -> None:
    """The warning is of peft about transformers, both foreign."""
    trained = load(folders["BERT"], {"type": method})
    disturb(trained)
    save_adapter(trained.model, tmp_path)
    base = transformers.AutoModelForSequenceClassification.from_pretrained(folders["BERT"])

    again = peft.PeftModel.from_pretrained(base, str(tmp_path))

    assert answer(again).equal(answer(trained.model))


@METHODS
def test_without_the_adapter_the_model_answers_as_before(
    folders: dict[str, Path], method: str
) -> None:
    loaded = load(folders["BERT"], {"type": method})
    with loaded.untouched():
        before = answer(loaded.model)
    disturb(loaded, spared="classifier")

    with loaded.untouched():
        after = answer(loaded.model)

    assert after.equal(before)
    assert not answer(loaded.model).equal(before)


@pytest.mark.parametrize("method", [pytest.param(m, id=m) for m in ("LoRA", "IA3")])
def test_an_adapter_that_is_built_in_gives_the_same_answers(
    folders: dict[str, Path], method: str
) -> None:
    loaded = load(folders["BERT"], {"type": method})
    disturb(loaded)
    expected = answer(loaded.model)

    merged = loaded.model.merge_and_unload(safe_merge=True)

    assert type(merged).__name__ == "BertForSequenceClassification"
    assert answer(merged).numpy() == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("family", [pytest.param(name, id=name) for name in FAMILIES])
@pytest.mark.parametrize("method", [pytest.param(m, id=m) for m in ("LoRA", "IA3")])
def test_families_have_usual_modules(folders: dict[str, Path], family: str, method: str) -> None:
    loaded = load(folders[family], {"type": method})

    mark = {"LoRA": ".lora_B.", "IA3": ".ia3_l."}[method]
    assert sum(mark in name for name in list_trained(loaded)) >= 2


@pytest.mark.parametrize(
    "family",
    [pytest.param(f, id=f) for f in ("Llama", "Qwen2", "T5", "BART", "ViT", "DETR", "Wav2Vec2")],
)
def test_the_usual_modules_of_larger_families_exist(family: str) -> None:
    skeleton = build_skeletons()[family]()
    recipe = adapters.Recipe(skeleton.build(), a_spec(SORTING, method={"type": "LoRA"}), ())

    configs: list[Any] = [adapters.CONFIGS["LoRA"](recipe), adapters.CONFIGS["IA3"](recipe)]

    assert all(config.target_modules for config in configs)


@pytest.mark.parametrize(
    "family", [pytest.param("ResNet", id="ResNet"), pytest.param("VGG of timm", id="VGG")]
)
def test_a_family_without_usual_modules_is_refused_with_those_that_it_has(family: str) -> None:
    skeleton = build_skeletons()[family]()
    spec = a_spec("ImageClassification", method={"type": "LoRA"})

    with pytest.raises(ConfigError) as caught:
        adapters.CONFIGS["LoRA"](adapters.Recipe(skeleton.build(), spec, ("classifier",)))

    assert caught.value.hint is not None
    assert "method.lora.targetModules" in caught.value.hint
    assert ("convolution" in caught.value.hint) or ("features.3" in caught.value.hint)


def test_a_body_part_that_the_checkpoint_lacks_is_kept_with_the_adapter(tmp_path: Path) -> None:
    """A random pooler that is neither trained nor saved would make the adapter worthless."""
    folder = make_tiny_bert(tmp_path / "bert")
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False)
    model.save_pretrained(folder)

    trained = list_trained(load(folder, {"type": "LoRA"}))

    assert "base_model.model.bert.pooler.modules_to_save.default.dense.weight" in trained


def test_an_output_layer_that_knows_the_words_stays_as_it_is(tmp_path: Path) -> None:
    from language_models import make_tiny_gpt2 as make_writer

    trained = list_trained(load(make_writer(tmp_path), {"type": "LoRA"}, "CausalLM"))

    assert trained
    assert all(".lora_" in name for name in trained)


@pytest.mark.parametrize(
    ("task", "method"),
    [
        pytest.param("TokenClassification", "PromptTuning", id="tags behind virtual tokens"),
        pytest.param("TokenClassification", "PrefixTuning", id="tags behind a prefix"),
        pytest.param("CausalLM", "PromptTuning", id="words behind virtual tokens"),
        pytest.param("CausalLM", "PrefixTuning", id="words behind a prefix"),
    ],
)
def test_answers_are_for_the_tokens_of_the_text_alone(
    tmp_path: Path, task: TaskName, method: str
) -> None:
    """peft leaves those for the virtual tokens in, and forgets labels for them."""
    loaded = load(make_tiny_gpt2(tmp_path), {"type": method}, task)
    loaded.model.eval()

    outputs = loaded.model(**BATCH, labels=torch.zeros_like(ROWS))

    assert outputs.logits.shape[:2] == ROWS.shape
    outputs.loss.backward()
    assert loaded.model.prompt_encoder["default"].embedding.weight.grad.any()


def test_virtual_tokens_begin_as_the_words_of_the_job(folders: dict[str, Path]) -> None:
    wanted = {"virtualTokens": 5, "initialText": "watch the movie"}

    model = load(folders["BERT"], {"type": "PromptTuning", "promptTuning": wanted}).model

    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["BERT"])
    words = tokenizer.convert_tokens_to_ids(["watch", "the", "movie", "watch", "the"])
    begun = model.prompt_encoder["default"].embedding.weight
    assert begun.equal(model.word_embeddings(torch.tensor(words)))


def test_more_words_than_virtual_tokens_are_refused(folders: dict[str, Path]) -> None:
    wanted = {"virtualTokens": 2, "initialText": "watch the movie"}

    with pytest.raises(ConfigError, match="initialText has 3 tokens, but virtualTokens is 2"):
        load(folders["BERT"], {"type": "PromptTuning", "promptTuning": wanted})


@pytest.mark.parametrize(
    ("source", "named"),
    [
        pytest.param("hf://google/bert", "google/bert", id="as a hub knows it"),
        pytest.param("pvc://models/bert", "pvc://models/bert", id="as the user wrote it"),
    ],
)
def test_the_adapter_names_its_base(
    folders: dict[str, Path], tmp_path: Path, source: str, named: str
) -> None:
    spec = a_spec(SORTING, method={"type": "LoRA"})
    pretrained = pretrained_in(folders["BERT"], source)

    save_adapter(load_model(pretrained, spec, find_task(SORTING), LABELS).model, tmp_path)

    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == named
    assert config["revision"] == ("a" * 40 if source.startswith("hf://") else None)
    assert (config["task_type"], config["inference_mode"]) == ("SEQ_CLS", True)


def rates_of(loaded: Loaded, **recipe: float) -> dict[str, float]:
    names = list_trained(loaded)
    training = Training(learning_rate=1.0, **recipe)  # type: ignore[arg-type]
    groups = group_parameters(names, names, loaded.layout, training)
    return {name: group.learning_rate for group in groups for name in group.names}


def test_adapters_of_lower_layers_and_the_head_have_rates_of_their_own(
    folders: dict[str, Path],
) -> None:
    loaded = load(folders["BERT"], {"type": "LoRA"})

    rates = rates_of(loaded, head_learning_rate=0.125, layerwise_learning_rate_decay=0.5)

    marks = {"layer.0.": 0.5, "layer.1.": 1.0, "classifier": 0.125}
    assert {mark: {r for n, r in rates.items() if mark in n} for mark in marks} == {
        mark: {rate} for mark, rate in marks.items()
    }


def test_an_adapter_of_another_build_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    save_adapter(load(folders["BERT"], {"type": "LoRA"}).model, tmp_path)
    other = load(folders["BERT"], {"type": "LoRA", "lora": {"targetModules": ["query"]}})

    with pytest.raises(InternalError, match=r"value\.lora_A"):
        load_adapter(other.model, tmp_path)


def a_quantized_spec() -> FineTuneJobSpec:
    return a_spec(SORTING, method={"type": "QLoRA"}, resources={"gpusPerNode": 1})


def test_a_model_in_four_bits_goes_onto_the_gpu_of_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All ranks of a pod would load it onto the first GPU otherwise."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.48.0")

    found = adapters.describe_quantization(a_quantized_spec(), local_rank=3)

    assert found["device_map"] == {"": 3}
    assert adapters.describe_quantization(a_spec(SORTING), local_rank=3) == {}


def test_four_bits_without_a_gpu_are_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.fail("this test is for machines without a GPU")
    nowhere = Pretrained("pvc://m/x", tmp_path, tmp_path, "", {"model_type": "bert"})

    with pytest.raises(ConfigError, match="QLoRA, but there is no CUDA GPU") as caught:
        load_model(nowhere, a_quantized_spec(), find_task(SORTING), LABELS)

    assert caught.value.hint is not None
    assert "use LoRA" in caught.value.hint
