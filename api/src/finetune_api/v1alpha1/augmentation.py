"""spec.dataset.augmentation: changed copies of the training rows, made anew in every epoch."""

from typing import Annotated

from pydantic import Field

from finetune_api.models import ApiModel

Probability = Annotated[float, Field(ge=0, le=1)]


class Augmentation(ApiModel):
    """Random changes of the training rows, by training.seed; validation and test stay as they are.

    0 turns a change off.
    """

    word_dropout: Probability = Field(
        default=0, description="Texts: the probability that a word is left out, for example 0.1."
    )
    word_swap: Probability = Field(
        default=0,
        description="Texts: the probability that a word changes places with the next one.",
    )
    character_noise: Probability = Field(
        default=0,
        description="Texts: the probability that a letter is doubled, left out or swapped.",
    )
    horizontal_flip: Probability = Field(
        default=0, description="Images: the probability that left and right change places."
    )
    minimum_crop: float = Field(
        default=1,
        ge=0.1,
        le=1,
        description="Images: cut out a part of at least this share of the area; 1 turns it off.",
    )
    rotation_degrees: float = Field(
        default=0, ge=0, le=180, description="Images: turn by up to so many degrees."
    )
    color_jitter: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Images: change brightness, contrast and saturation by up to this share.",
    )
    audio_noise: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Sounds: add noise of up to this share of the loudness.",
    )


TEXT_AUGMENTATIONS = ("wordDropout", "wordSwap", "characterNoise")
IMAGE_AUGMENTATIONS = ("horizontalFlip", "minimumCrop", "rotationDegrees", "colorJitter")
AUDIO_AUGMENTATIONS = ("audioNoise",)
