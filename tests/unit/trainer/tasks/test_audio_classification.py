from pathlib import Path

import pytest

from finetune_trainer.data.kinds.sounds import listen_to_sound
from finetune_trainer.data.media import place_media
from finetune_trainer.tasks.audio_classification import AUDIO_CLASSIFICATION
from finetune_trainer.tasks.base import name_labels
from trainer_media import make_tiny_wav2vec2, make_tones
from trainer_tasks import a_part, a_spec, judge, settings_of

LABELS = ("high", "low")


@pytest.mark.parametrize("has_labels", [True, False])
def test_sounds_are_asked_about_and_measured(tmp_path: Path, has_labels: bool) -> None:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    rows = make_tones(tmp_path, 4)
    sounds = [listen_to_sound(place_media(row["audio"], tmp_path)) for row in rows]
    part = a_part(audio=sounds, label=[row["label"] for row in rows])
    folder = make_tiny_wav2vec2(tmp_path / "model")
    model = AutoModelForAudioClassification.from_pretrained(
        folder, **name_labels(LABELS, a_spec("AudioClassification").dataset)
    )
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    settings = settings_of("AudioClassification", labels=LABELS)
    asked = part if has_labels else a_part(audio=sounds)

    judged = judge(AUDIO_CLASSIFICATION, asked, extractor, settings, model)

    assert len(AUDIO_CLASSIFICATION.describe(judged)) == 4
    if has_labels:
        features = judged.rows.encoded.features
        assert [row["labels"] for row in features] == [1, 0, 1, 0]
        assert set(AUDIO_CLASSIFICATION.measure(judged)) == set(AUDIO_CLASSIFICATION.metrics)
        assert AUDIO_CLASSIFICATION.measure_baseline is not None
        assert AUDIO_CLASSIFICATION.measure_baseline(part, part, LABELS)["accuracy"] == 0.5
