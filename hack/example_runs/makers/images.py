"""Handwritten digits: the 1,797 real images that scikit-learn ships, a folder for each digit."""

from pathlib import Path

from example_runs.toy_media_models import make_image_sorter

SIZE = 32
TEST_EVERY = 5
BRIGHTEST = 16
"""Of the grey values of this data set."""


def prepare(folder: Path) -> None:
    """Write model/, a ResNet that has seen nothing yet, and train/ and test/ with the images."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        part = "test" if number % TEST_EVERY == 0 else "train"
        path = folder / part / str(digit) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.round(255 * pixels / BRIGHTEST).astype("uint8")
        Image.fromarray(grey).resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(path)
    make_image_sorter(folder / "model", SIZE)
