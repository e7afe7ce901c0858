import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finetune_trainer.data.hashing import hash_row
from finetune_trainer.data.kinds import images
from finetune_trainer.data.kinds.images import IMAGE, OBJECTS, Picture
from finetune_trainer.data.media import place_media
from finetune_trainer.errors import DataError
from trainer_media import COLORS, draw_patch


def encode(image: Any, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def look(content: Any) -> Any:
    return IMAGE.normalize(place_media(content, None))


def turned_photo() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    return encode(Image.new("RGB", (40, 20)), "JPEG", exif=exif)


def make_bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises far more than its bytes hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


PATCH = encode(draw_patch(COLORS["red"], seed=0, size=64))
PHOTO = encode(draw_patch(COLORS["red"], seed=0, size=64), "JPEG")


@pytest.mark.parametrize(
    ("content", "size"),
    [
        pytest.param(PATCH, (64, 64), id="PNG"),
        pytest.param(PHOTO, (64, 64), id="JPEG"),
        pytest.param(turned_photo(), (20, 40), id="a photograph that was turned"),
        pytest.param(encode(Image.new("L", (3, 4))), (3, 4), id="grey"),
        pytest.param(encode(Image.new("RGBA", (3, 4))), (3, 4), id="transparent"),
        pytest.param(encode(Image.new("P", (3, 4)), transparency=0), (3, 4), id="a palette"),
        pytest.param(encode(Image.new("CMYK", (3, 4)), "JPEG"), (3, 4), id="for printing"),
    ],
)
def test_images_of_many_kinds_become_pixels_of_three_channels(
    content: bytes, size: tuple[int, int]
) -> None:
    picture = look(content)

    assert IMAGE.complain(picture) is None
    assert (picture.width, picture.height) == size
    assert (picture.decode().size, picture.decode().mode) == (size, "RGB")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(b"hello", "is none of a known format (JPEG, PNG", id="a text"),
        pytest.param(PATCH[:2000], "cannot be read", id="a PNG that is cut off"),
        pytest.param(PHOTO[:800], "cannot be read", id="a JPEG that is cut off"),
        pytest.param(b"", "is none of a known format", id="an empty file"),
        pytest.param(make_bomb(60_000, 60_000), "has more than 64,000,000 pixels", id="a bomb"),
        pytest.param(make_bomb(9_000, 9_000), "has 9000x9000 pixels", id="a poster"),
        pytest.param(encode(Image.new("I;16", (3, 4))), "16 bits|more than 8 bits", id="deep"),
        pytest.param(None, "no image", id="nothing"),
        pytest.param("", "no image", id="an empty path"),
        pytest.param(7, "a int where the image belongs (7)", id="a number"),
    ],
)
def test_what_is_no_image_is_named(value: Any, complaint: str) -> None:
    said = IMAGE.complain(look(value)) or ""

    assert any(part in said for part in complaint.split("|")), said


def test_a_complaint_names_the_file(tmp_path: Path) -> None:
    picture = IMAGE.normalize(place_media("robin/1.png", tmp_path))

    assert IMAGE.complain(picture) == "the image 'robin/1.png', which is not there"


def test_rows_are_told_apart_by_the_content_of_an_image_and_not_by_its_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(PATCH)
    pictures = [
        look(PATCH),
        IMAGE.normalize(place_media("1.png", tmp_path / "a")),
        look(PHOTO),
    ]

    keys = [hash_row([picture], "split") for picture in pictures]

    assert keys[0] == keys[1] != keys[2]
    assert pictures[0] == pictures[1]


def test_a_file_that_changed_since_it_was_looked_at_is_named(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(PATCH)
    picture: Picture = IMAGE.normalize(place_media("1.png", tmp_path))
    path.write_bytes(b"gone")

    with pytest.raises(DataError, match=r"'1.png' could be read at first, but no longer"):
        picture.decode()


def test_pixels_are_not_kept() -> None:
    assert set(images.Picture.__slots__) == {"media", "digest", "width", "height", "problem"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"bbox": [[1, 2, 3, 4]], "category": [7]}, id="lists"),
        pytest.param('{"bbox": [[1, 2, 3, 4]], "category": ["7"]}', id="JSON in a CSV file"),
        pytest.param([{"bbox": [1, 2, 3, 4], "category": "7"}], id="one mapping for each"),
        pytest.param({"bbox": [(1, 2, 3, 4)], "category": ("7",), "id": [3]}, id="more columns"),
    ],
)
def test_objects_are_read_however_they_are_written(value: Any) -> None:
    objects = OBJECTS.normalize(value)

    assert objects == {"bbox": [[1, 2, 3, 4]], "category": ["7"]}
    assert OBJECTS.complain(objects) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no objects (None)", id="nothing"),
        pytest.param("cat", "no objects ('cat')", id="a word"),
        pytest.param({"bbox": [[1, 2, 3, 4]]}, 'write {"bbox"', id="no categories"),
        pytest.param(
            {"bbox": [[1, 2, 3, 4]], "category": []}, "1 boxes and 0 categories", id="unequal"
        ),
        pytest.param({"bbox": [[1, 2, 3]], "category": ["a"]}, "four numbers", id="three numbers"),
        pytest.param(
            {"bbox": [[1, 2, float("nan"), 3]], "category": ["a"]}, "four numbers", id="no number"
        ),
        pytest.param(
            {"bbox": [[9, 9, -3, 4]], "category": ["a"]}, "[9, 9, -3, 4], whose", id="negative"
        ),
        pytest.param({"bbox": [[9, 9, 3, 0]], "category": ["a"]}, "above 0", id="a line"),
        pytest.param({"bbox": [[9, 9, 3, 1]], "category": [None]}, "no category", id="unnamed"),
        pytest.param({"bbox": "a", "category": 1}, "are no lists", id="no lists"),
    ],
)
def test_objects_that_are_none_are_named(value: Any, complaint: str) -> None:
    assert complaint in (OBJECTS.complain(OBJECTS.normalize(value)) or "")


def test_an_image_without_objects_is_well() -> None:
    assert OBJECTS.complain(OBJECTS.normalize({"bbox": [], "category": []})) is None
