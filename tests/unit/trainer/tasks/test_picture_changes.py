import pytest
from PIL import Image

from finetune_api.v1alpha1.augmentation import Augmentation
from finetune_trainer.tasks.picture_changes import Scene, change, has_changes

PLACE = (42, 0, 7)


def half_white(width: int = 40, height: int = 20) -> Image.Image:
    image = Image.new("RGB", (width, height))
    image.paste((255, 255, 255), (0, 0, width // 2, height))
    return image


def colors(image: Image.Image) -> bytes:
    return image.tobytes()


def test_a_flip_takes_the_boxes_along() -> None:
    scene = Scene(half_white(), (3,), ((0.0, 5.0, 10.0, 4.0),))

    flipped = change(scene, Augmentation(horizontal_flip=1.0), PLACE)

    assert flipped.boxes == ((30.0, 5.0, 10.0, 4.0),)
    assert flipped.image.getpixel((0, 0)) == (0, 0, 0)
    assert flipped.image.getpixel((39, 0)) == (255, 255, 255)


def test_a_crop_keeps_the_share_of_the_area_and_the_shape() -> None:
    sizes = [
        change(Scene(half_white(400, 200)), Augmentation(minimum_crop=0.5), (1, 2, row)).image.size
        for row in range(50)
    ]

    shares = [width * height / 80_000 for width, height in sizes]
    assert min(shares) >= 0.49
    assert max(shares) <= 1
    assert len(set(sizes)) > 30
    assert all(width / height == pytest.approx(2, abs=0.03) for width, height in sizes)


def test_a_crop_moves_and_cuts_boxes_and_drops_what_is_hardly_visible() -> None:
    boxes = ((0.0, 0.0, 2.0, 2.0), (0.0, 0.0, 40.0, 20.0))
    scenes = [
        change(Scene(half_white(), (0, 1), boxes), Augmentation(minimum_crop=0.3), (0, 0, row))
        for row in range(40)
    ]

    for scene in scenes:
        width, height = scene.image.size
        for x, y, w, h in scene.boxes:
            assert (x >= 0, y >= 0, x + w <= width, y + h <= height) == (True,) * 4
        # What fills the image stays, cut to it; the small one in the corner goes in most crops.
        assert scene.boxes[-1] == (0.0, 0.0, float(width), float(height))
        assert scene.labels[-1] == 1
    assert sum(len(scene.boxes) == 1 for scene in scenes) > 20


def test_a_rotation_turns_by_up_to_so_many_degrees() -> None:
    turned = change(Scene(half_white()), Augmentation(rotation_degrees=30), PLACE).image

    assert turned.size == (40, 20)
    assert colors(turned) != colors(half_white())


def test_jitter_changes_colours_and_not_the_shape() -> None:
    grey = Image.new("RGB", (4, 4), (100, 120, 140))

    values = {
        change(Scene(grey), Augmentation(color_jitter=0.5), (0, 0, row)).image.getpixel((0, 0))
        for row in range(20)
    }

    assert len(values) > 10


def test_nothing_changes_where_nothing_is_asked_for() -> None:
    scene = Scene(half_white(), (3,), ((0.0, 5.0, 10.0, 4.0),))

    assert change(scene, Augmentation(), PLACE) == scene
    assert not has_changes(Augmentation(word_dropout=0.5, audio_noise=0.5))


@pytest.mark.parametrize(
    ("place", "is_same"),
    [
        pytest.param((42, 0, 7), True, id="the same row again, as after an interruption"),
        pytest.param((42, 1, 7), False, id="another epoch"),
        pytest.param((42, 0, 8), False, id="another row"),
        pytest.param((43, 0, 7), False, id="another seed"),
    ],
)
def test_seed_epoch_and_row_decide_how_an_image_changes(
    place: tuple[int, int, int], is_same: bool
) -> None:
    wanted = Augmentation(
        minimum_crop=0.5, rotation_degrees=45, color_jitter=0.5, horizontal_flip=0.5
    )

    first = change(Scene(half_white()), wanted, PLACE).image
    second = change(Scene(half_white()), wanted, place).image

    assert (colors(first) == colors(second)) is is_same
