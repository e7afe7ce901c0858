"""The build of every family that the project shows, without weights: on torch's meta device.

For tests that only ask where things are: layers, embeddings, output layer, dropout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SIZES = {"num_hidden_layers": 3, "hidden_size": 16, "num_attention_heads": 2}
TOKENS = {"vocab_size": 40, "pad_token_id": 0, "max_position_embeddings": 32}


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One family with one output layer.

    Attributes:
        config: the name of the class of its configuration.
        auto_model: the class that builds it.
        options: of the configuration.
    """

    config: str
    auto_model: str
    options: Mapping[str, Any]

    def configure(self) -> Any:
        """Give the configuration."""
        import transformers

        return getattr(transformers, self.config)(**self.options)

    def build(self) -> Any:
        """Give the model."""
        import torch
        import transformers

        config = self.configure()
        with torch.device("meta"):
            model = getattr(transformers, self.auto_model).from_config(config)
        # Memory that is not there cannot be shared; for what is tied, the names must be.
        model.tie_weights()
        return model


_TEXTS = SIZES | TOKENS | {"intermediate_size": 32}
_GPT2 = {"vocab_size": 40, "n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 32}
_T5 = {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_heads": 2, "num_layers": 3}
_BART = {
    "vocab_size": 40, "d_model": 16, "encoder_layers": 2, "decoder_layers": 3,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32, "max_position_embeddings": 32,
}  # fmt: skip
_RESNET: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 16, 16], "depths": [1, 2, 1]}
_SOUND = {
    "intermediate_size": 32, "conv_dim": (8, 8), "conv_stride": (5, 2), "conv_kernel": (10, 3),
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "vocab_size": 40,
}  # fmt: skip
_CLASSIFIER = "AutoModelForSequenceClassification"
_IMAGES = "AutoModelForImageClassification"


def _detr() -> dict[str, Any]:
    from transformers import ResNetConfig

    options: dict[str, Any] = _RESNET | {"layer_type": "basic", "out_features": ["stage3"]}
    backbone = ResNetConfig(**options)
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    widths = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    layers = {"encoder_layers": 2, "decoder_layers": 2, "num_queries": 4}
    return {"backbone_config": backbone, **heads, **widths, **layers}


def build_skeletons() -> dict[str, Callable[[], Skeleton]]:
    """Give every family by name; each is configured only when it is called."""
    return {
        "BERT": lambda: Skeleton("BertConfig", _CLASSIFIER, _TEXTS),
        "RoBERTa": lambda: Skeleton("RobertaConfig", _CLASSIFIER, _TEXTS),
        "DistilBERT": lambda: Skeleton(
            "DistilBertConfig",
            _CLASSIFIER,
            {"vocab_size": 40, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32},
        ),
        "XLNet": lambda: Skeleton(
            "XLNetConfig",
            _CLASSIFIER,
            {"vocab_size": 40, "d_model": 16, "n_layer": 3, "n_head": 2, "d_inner": 32},
        ),
        "GPT-2": lambda: Skeleton("GPT2Config", _CLASSIFIER, _GPT2),
        "GPT-2 that writes": lambda: Skeleton("GPT2Config", "AutoModelForCausalLM", _GPT2),
        "Llama": lambda: Skeleton("LlamaConfig", "AutoModelForCausalLM", _TEXTS),
        "Qwen2": lambda: Skeleton("Qwen2Config", _CLASSIFIER, _TEXTS),
        "T5": lambda: Skeleton("T5Config", "AutoModelForSeq2SeqLM", _T5),
        "BART": lambda: Skeleton("BartConfig", "AutoModelForSeq2SeqLM", _BART),
        "BART that sorts": lambda: Skeleton("BartConfig", _CLASSIFIER, _BART),
        "BERT that guesses words": lambda: Skeleton("BertConfig", "AutoModelForMaskedLM", _TEXTS),
        "ViT": lambda: Skeleton(
            "ViTConfig",
            _IMAGES,
            SIZES | {"intermediate_size": 32, "image_size": 16, "patch_size": 8},
        ),
        "ResNet": lambda: Skeleton("ResNetConfig", _IMAGES, _RESNET),
        "VGG of timm": lambda: Skeleton(
            "TimmWrapperConfig", _IMAGES, {"architecture": "vgg11", "num_labels": 2}
        ),
        "Inception of timm": lambda: Skeleton(
            "TimmWrapperConfig", _IMAGES, {"architecture": "inception_v3", "num_labels": 2}
        ),
        "DETR": lambda: Skeleton("DetrConfig", "AutoModelForObjectDetection", _detr()),
        "Wav2Vec2": lambda: Skeleton(
            "Wav2Vec2Config", "AutoModelForAudioClassification", SIZES | _SOUND
        ),
        "Wav2Vec2 that writes": lambda: Skeleton(
            "Wav2Vec2Config", "AutoModelForCTC", SIZES | _SOUND
        ),
    }
