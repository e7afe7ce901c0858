"""Drawings of one to three shapes on a noisy ground, with the box and the name of each."""

import random
from pathlib import Path
from typing import Any

from example_runs.materials import Row, write_parts
from example_runs.toy_media_models import make_finder

SIZE = 64
ROWS = {"train": 240, "test": 60}
SHAPES = ("circle", "square")
COLORS = ((230, 60, 50), (60, 180, 80), (70, 100, 230))
CELLS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Each shape gets a quarter of the image, so that none hides another."""


def prepare(folder: Path) -> None:
    """Write model/, an RT-DETR that has seen nothing yet, images, train.jsonl and test.jsonl."""
    chance = random.Random(0)
    (folder / "images").mkdir()
    parts: dict[str, list[Row]] = {}
    for name, size in ROWS.items():
        parts[name] = []
        for number in range(size):
            image, objects = _draw(chance)
            path = f"images/{name}-{number:03}.png"
            image.save(folder / path)
            parts[name].append({"image": path, "objects": objects})
    write_parts(folder, parts)
    make_finder(folder / "model", SIZE)


def _draw(chance: random.Random) -> tuple[Any, dict[str, Any]]:
    from PIL import Image, ImageDraw

    # One value for each pixel of a quarter of the size: coarse noise, as of a cloth.
    ground = Image.frombytes("L", (SIZE // 4, SIZE // 4), chance.randbytes(SIZE * SIZE // 16))
    image = ground.point([value // 5 for value in range(256)]).resize((SIZE, SIZE)).convert("RGB")
    pen = ImageDraw.Draw(image)
    boxes, names = [], []
    for column, row in chance.sample(CELLS, chance.randint(1, 3)):
        side = chance.randint(16, SIZE // 2 - 4)
        left = column * SIZE // 2 + chance.randint(0, SIZE // 2 - side)
        top = row * SIZE // 2 + chance.randint(0, SIZE // 2 - side)
        name = chance.choice(SHAPES)
        draw = pen.ellipse if name == "circle" else pen.rectangle
        draw((left, top, left + side - 1, top + side - 1), fill=chance.choice(COLORS))
        boxes.append([left, top, side, side])
        names.append(name)
    return image, {"bbox": boxes, "category": names}
