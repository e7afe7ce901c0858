"""Images, and the objects in them.

Every image is decoded once before a model is loaded, JPEG at an eighth of its size: a broken one
costs a second here and hours in the middle of an epoch. Only what was learned by that is kept.
"""

import hashlib
import math
import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from finetune_trainer.data.kinds.base import ValueKind, parse_structure
from finetune_trainer.data.labels import format_label
from finetune_trainer.data.media import Media
from finetune_trainer.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
"""A photograph has 12 to 50 million; a bomb has billions in a few kilobytes."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What is decoded: the formats of photographs and drawings, none that runs a program."""
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
DECODER_ERRORS = (
    *(OSError, EOFError, ValueError, SyntaxError, TypeError, AttributeError),
    *(LookupError, ArithmeticError, struct.error, zlib.error),
)
"""What decoders raise at broken bytes: whatever they stumble over."""
_SMALLEST = (8, 8)
_ORIENTATION_TAG = 0x0112
_TURNED = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """An image that was looked at.

    Attributes:
        media: where its bytes are.
        digest: the SHA-256 of its bytes; what is equal there is the same image.
        width: in pixels, as it is seen.
        height: in pixels, as it is seen.
        problem: what is wrong with it; None when nothing is.
    """

    media: Media = field(compare=False)
    digest: str = ""
    width: int = 0
    height: int = 0
    problem: str | None = None

    def __repr__(self) -> str:
        # Rows are told apart and fingerprinted by it: by the content, never by the place.
        return f"image {self.digest}"

    def decode(self, mode: str = "RGB") -> "Image":
        """Give the pixels, turned as the camera was held.

        Args:
            mode: RGB, or L for one channel.

        Raises:
            DataError: the file changed since it was looked at.
        """
        from PIL import Image, ImageOps

        try:
            with Image.open(BytesIO(self.media.read()), formats=FORMATS) as image:
                upright = ImageOps.exif_transpose(image)
                # Straight to RGB, Pillow warns that a palette may hold transparent colours.
                whole = upright.convert("RGBA") if upright.mode == "P" else upright
                return whole.convert(mode)
        except DECODER_ERRORS as error:
            raise DataError(
                f"the image {self.media.name!r} could be read at first, but no longer: {error}",
                hint="leave the data alone while a job reads it",
            ) from error


def look_at_image(value: Any) -> Any:
    """Read and decode an image once; what is none stays as it is, for the complaint."""
    if not isinstance(value, Media):
        return value
    if value.problem is not None:
        return Picture(value, problem=f"the image {value.name!r}, which {value.problem}")
    try:
        content = value.read()
        found = Picture(value, hashlib.sha256(content).hexdigest(), *_measure(content))
    except _UnfitError as error:
        return Picture(value, problem=f"the image {value.name!r}, which {error}")
    except DECODER_ERRORS as error:
        what = str(error) or type(error).__name__
        return Picture(value, problem=f"the image {value.name!r}, which cannot be read: {what}")
    return found


class _UnfitError(Exception):
    pass


def _measure(content: bytes) -> tuple[int, int]:
    """Give width and height of what is whole and of a sane size."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            opened = Image.open(BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            known = ", ".join(FORMATS)
            raise _UnfitError(f"is none of a known format ({known})") from error
        except Image.DecompressionBombError as error:
            raise _UnfitError(f"has more than {MAX_PIXELS:,} pixels") from error
    with opened as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _UnfitError(f"has {width}x{height} pixels; {MAX_PIXELS:,} are the most")
        if image.mode in DEEP_MODES:
            raise _UnfitError(f"has more than 8 bits per channel ({image.mode}): save it with 8")
        turned = image.getexif().get(_ORIENTATION_TAG) in _TURNED
        image.draft(None, _SMALLEST)
        image.load()
    return (height, width) if turned else (width, height)


def complain_about_image(value: Any) -> str | None:
    """Say what is wrong with an image."""
    if isinstance(value, Picture):
        return value.problem
    if value is None or value == "":
        return "no image"
    return f"a {type(value).__name__} where the image belongs ({value!r:.40})"


def normalize_objects(value: Any) -> Any:
    """Give {"bbox": [[x, y, width, height]], "category": [label]} for the ways to write it."""
    value = parse_structure(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if not all(isinstance(entry, Mapping) for entry in value):
            return value
        value = {key: [entry.get(key) for entry in value] for key in ("bbox", "category")}
    if not isinstance(value, Mapping) or not {"bbox", "category"} <= set(value):
        return value
    boxes, labels = value["bbox"], value["category"]
    if not isinstance(boxes, Sequence) or not isinstance(labels, Sequence):
        return value
    return {"bbox": [_list(box) for box in boxes], "category": [format_label(n) for n in labels]}


def _list(box: Any) -> Any:
    return list(box) if isinstance(box, Sequence) and not isinstance(box, str) else box


def complain_about_objects(value: Any) -> str | None:
    """Say what is wrong with the objects of an image; no object at all is well."""
    if not isinstance(value, Mapping) or not {"bbox", "category"} <= set(value):
        return (
            f"no objects ({value!r:.40}): write"
            ' {"bbox": [[x, y, width, height]], "category": ["cat"]}'
        )
    boxes, labels = value["bbox"], value["category"]
    if not isinstance(boxes, list) or not isinstance(labels, list):
        return "objects whose bbox and category are no lists"
    if len(boxes) != len(labels):
        return f"{len(boxes)} boxes and {len(labels)} categories; each box needs its category"
    if None in labels:
        return f"no category for the box {boxes[labels.index(None)]}"
    return next((why for box in boxes if (why := _complain_about_box(box)) is not None), None)


def _complain_about_box(box: Any) -> str | None:
    is_four = isinstance(box, list) and len(box) == 4
    if not is_four or not all(isinstance(n, int | float) and math.isfinite(n) for n in box):
        return f"the box {box!r:.60}: four numbers are needed, [x, y, width, height] in pixels"
    if box[2] <= 0 or box[3] <= 0:
        return f"the box {box}, whose width and height are not both above 0"
    return None


IMAGE = ValueKind(complain_about_image, look_at_image)
OBJECTS = ValueKind(complain_about_objects, normalize_objects)
