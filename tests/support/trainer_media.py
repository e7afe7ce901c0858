"""Tiny models of images and sounds with random weights, and toy pictures and tones for them.

Small enough that a test trains one in a second or two, real enough that every code path of a large
one is taken: the processors are real, and all is written to folders and read back.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

IMAGE_SIZE = 16
COLORS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 70, 220)}
RATE_HERTZ = 8000
PITCHES = {"low": 300.0, "high": 1500.0}
LETTERS = {"a": 400.0, "b": 900.0, "c": 1600.0, "d": 2500.0}
"""In the toy language every letter is a tone."""
LETTER_SECONDS = 0.08


def draw_patch(color: tuple[int, int, int], seed: int, size: int = 20) -> Any:
    """Draw a noisy image of one colour."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(seed).integers(-30, 30, (size, size, 3))
    return Image.fromarray(np.clip(noise + color, 0, 255).astype("uint8"))


def make_patches(folder: Path, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Write images into folders named by their label; give the rows that name them."""
    rows = []
    names = list(COLORS)
    for number in range(count):
        label = names[number % len(names)]
        path = folder / label / f"{seed}-{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_patch(COLORS[label], seed * 10_000 + number).save(path)
        rows.append({"image": str(path.relative_to(folder)), "label": label})
    return rows


def make_scenes(folder: Path, count: int, seed: int = 0, size: int = 32) -> list[dict[str, Any]]:
    """Write dark images, each with a bright square or two; give the rows with their boxes."""
    from PIL import Image, ImageDraw

    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        image = Image.new("RGB", (size, size), (10, 10, 20))
        boxes, names = [], []
        # One object in each half, so that none hides another.
        for half in range(chance.randint(1, 2)):
            name = chance.choice(("red", "blue"))
            side = chance.randint(size // 4, size // 2 - 2)
            left = half * (size // 2) + chance.randint(0, size // 2 - side)
            top = chance.randint(0, size - side)
            ImageDraw.Draw(image).rectangle(
                (left, top, left + side - 1, top + side - 1), fill=COLORS[name]
            )
            boxes.append([left, top, side, side])
            names.append(name)
        image.save(folder / f"{seed}-{number}.png")
        rows.append(
            {"image": f"{seed}-{number}.png", "objects": {"bbox": boxes, "category": names}}
        )
    return rows


def write_tone(path: Path, tones: Sequence[float], rate: int = RATE_HERTZ, seed: int = 0) -> Path:
    """Write tones one after the other, with a little noise."""
    import numpy as np
    import soundfile

    times = np.arange(round(LETTER_SECONDS * rate)) / rate
    waves = np.concatenate([np.sin(2 * np.pi * tone * times) for tone in tones])
    noise = np.random.default_rng(seed).standard_normal(len(waves))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (0.5 * waves + 0.02 * noise).astype("float32"), rate)
    return path


def make_tones(folder: Path, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Write sounds into folders named by their label; give the rows that name them."""
    chance = random.Random(seed)
    rows = []
    names = list(PITCHES)
    for number in range(count):
        label = names[number % len(names)]
        pitch = PITCHES[label] * chance.uniform(0.8, 1.2)
        path = folder / label / f"{seed}-{number}.wav"
        write_tone(path, [pitch] * chance.randint(2, 4), seed=number)
        rows.append({"audio": str(path.relative_to(folder)), "label": label})
    return rows


def make_speech(folder: Path, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Write words of the toy language, in which every letter is a tone."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        word = "".join(chance.sample(list(LETTERS), 2))
        write_tone(folder / f"{seed}-{number}.wav", [LETTERS[c] for c in word], seed=number)
        rows.append({"audio": f"{seed}-{number}.wav", "transcript": word})
    return rows


def _make(name: str, **options: Any) -> Any:
    """Make an object of a class of transformers."""
    import transformers

    return getattr(transformers, name)(**options)


def _save(model: Any, processor: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _make_model(name: str, config: Any) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _make(name, config=config)


def make_tiny_vit(folder: Path) -> Path:
    """Write a ViT of random weights with its image processor."""
    config = _make(
        "ViTConfig",
        image_size=IMAGE_SIZE,
        patch_size=4,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return _save(
        _make_model("ViTModel", config),
        _make("ViTImageProcessor", size=size),
        folder,
    )


def make_tiny_resnet(folder: Path) -> Path:
    """Write a ResNet of random weights, with the image processor that its family uses."""
    config = _make(
        "ResNetConfig", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    )
    size = {"height": 32, "width": 32}
    return _save(
        _make_model("ResNetModel", config),
        _make("ViTImageProcessor", size=size),
        folder,
    )


def make_tiny_timm(folder: Path, architecture: str = "vgg11", **options: Any) -> Path:
    """Write a model of timm, of random weights; its config.json says how images are resized."""
    size = options.pop("size", 32)
    config = _make(
        "TimmWrapperConfig",
        architecture=architecture,
        model_args=options,
        num_labels=5,
        pretrained_cfg={
            "input_size": [3, size, size],
            "crop_pct": 1.0,
            "interpolation": "bilinear",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    )
    model = _make_model("TimmWrapperForImageClassification", config)
    _settle_norms(model.timm_model, size)
    model.save_pretrained(folder)
    return folder


def _settle_norms(model: Any, size: int) -> None:
    """Let layers of batch normalisation see images, as a pre-trained model's have.

    In a deep one of random weights the numbers would vanish on their way, and nothing be learned.
    """
    import torch

    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if not norms:
        return
    kept = [module.momentum for module in norms]
    for module in norms:
        module.momentum = 1.0
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        colors = 2 * torch.rand(16, 3, 1, 1) - 1
        model.train()(colors + 0.1 * torch.randn(16, 3, size, size))
    model.eval()
    for module, momentum in zip(norms, kept, strict=True):
        module.momentum = momentum


def make_tiny_detr(folder: Path) -> Path:
    """Write a DETR of random weights on a small ResNet, with its image processor."""
    config = _make(
        "DetrConfig",
        use_timm_backbone=False,
        backbone_config=_make(
            "ResNetConfig",
            embedding_size=16,
            hidden_sizes=[16, 32],
            depths=[1, 1],
            layer_type="basic",
            out_features=["stage2"],
        ),
        num_queries=6,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        dropout=0.0,
        num_labels=4,
    )
    processor = _make("DetrImageProcessor", size={"shortest_edge": 32, "longest_edge": 64})
    return _save(_make_model("DetrForObjectDetection", config), processor, folder)


def make_tiny_yolos(folder: Path) -> Path:
    """Write a YOLOS of random weights, which knows no padding mask."""
    config = _make(
        "YolosConfig",
        image_size=[32, 32],
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_detection_tokens=6,
        num_labels=4,
    )
    processor = _make("YolosImageProcessor", size={"shortest_edge": 32, "longest_edge": 64})
    return _save(_make_model("YolosForObjectDetection", config), processor, folder)


def make_tiny_rt_detr(folder: Path) -> Path:
    """Write an RT-DETR of random weights, whose output layer lies inside its body."""
    config = _make(
        "RTDetrConfig",
        backbone_config=_make(
            "RTDetrResNetConfig",
            embedding_size=16,
            hidden_sizes=[16, 32, 32, 32],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage2", "stage3"],
        ),
        freeze_backbone_batch_norms=False,
        encoder_in_channels=[32, 32],
        feat_strides=[8, 16],
        encode_proj_layers=[1],
        encoder_hidden_dim=32,
        encoder_ffn_dim=64,
        encoder_attention_heads=2,
        d_model=32,
        decoder_in_channels=[32, 32],
        num_feature_levels=2,
        decoder_layers=2,
        decoder_ffn_dim=64,
        decoder_attention_heads=2,
        num_queries=8,
        num_denoising=8,
        num_labels=4,
    )
    processor = _make("RTDetrImageProcessor", size={"height": 64, "width": 64})
    return _save(_make_model("RTDetrForObjectDetection", config), processor, folder)


def make_tiny_wav2vec2(folder: Path, **options: Any) -> Path:
    """Write a Wav2Vec2 of random weights that listens at 8 kHz, without a vocabulary."""
    config = _make(
        "Wav2Vec2Config",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(32, 32, 32),
        conv_kernel=(10, 4, 4),
        conv_stride=(5, 4, 4),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        classifier_proj_size=16,
        **{"mask_time_prob": 0.0, **options},
    )
    extractor = _make(
        "Wav2Vec2FeatureExtractor", sampling_rate=RATE_HERTZ, return_attention_mask=True
    )
    return _save(_make_model("Wav2Vec2Model", config), extractor, folder)
