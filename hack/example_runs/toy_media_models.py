"""Small models of images and sounds, of random weights: no package ships real ones.

The makers of images, objects, sounds and speech call it; each model comes out the same on every
machine.
"""

from pathlib import Path
from typing import Any

from example_runs.toy_models import save

RATE_HERTZ = 8000


def make_image_sorter(folder: Path, size: int) -> None:
    """Write a ResNet that has seen nothing yet."""
    from transformers import ResNetConfig, ResNetModel, ViTImageProcessor

    config = ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32, 64], depths=[1, 1, 1], layer_type="basic"
    )
    processor = ViTImageProcessor(size={"height": size, "width": size})
    save(folder, ResNetModel, config, processor)


def make_finder(folder: Path, size: int) -> None:
    """Write an RT-DETR that has seen nothing yet."""
    from transformers import (
        RTDetrConfig,
        RTDetrForObjectDetection,
        RTDetrImageProcessor,
        RTDetrResNetConfig,
    )

    backbone: Any = RTDetrResNetConfig
    config = RTDetrConfig(
        backbone_config=backbone(
            embedding_size=16,
            hidden_sizes=[16, 32, 32, 32],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage2", "stage3"],
        ),
        # Kept still only where they were learned.
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
        num_queries=10,
        num_denoising=10,
    )
    processor = RTDetrImageProcessor(size={"height": size, "width": size})
    save(folder, RTDetrForObjectDetection, config, processor)


def make_listener(folder: Path) -> None:
    """Write a Wav2Vec2 that has heard nothing yet, and has no vocabulary."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    config = Wav2Vec2Config(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        conv_dim=(32, 48, 48),
        conv_kernel=(10, 4, 4),
        conv_stride=(5, 4, 4),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=4,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        # What keeps a large model from learning by heart keeps a small one from learning at all.
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.0,
        classifier_proj_size=32,
    )
    extractor_class: Any = Wav2Vec2FeatureExtractor
    extractor = extractor_class(sampling_rate=RATE_HERTZ, return_attention_mask=True)
    save(folder, Wav2Vec2Model, config, extractor)
