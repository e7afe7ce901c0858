"""Write down what is said: dictation, captions, calls.

Row: {"audio": "calls/17.flac", "transcript": "the parcel has not arrived"}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.checks import describe_rows
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError
from finetune_trainer.evaluation.transcripts import score_transcripts
from finetune_trainer.tasks.base import (
    Batch,
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
)
from finetune_trainer.tasks.recordings import (
    LABELS,
    count_least_samples,
    encode_sounds,
    pad_sounds,
)

if TYPE_CHECKING:
    import torch

    from finetune_api.v1alpha1 import FineTuneJobSpec

IGNORED = -100
UNKNOWN_SHARE = 0.02


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a sound and what is said in it."""
    del dataset
    return Needs(
        columns=(Column("audio", Kind.AUDIO), Column("transcript", Kind.TEXT)),
        identity=("audio",),
    )


def configure(labels: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """Average the loss over characters: the sum, which is the default, grows with the batch."""
    del labels, dataset
    return {"ctc_loss_reduction": "mean", "ctc_zero_infinity": True}


def follow_processor(processor: Any) -> dict[str, Any]:
    """Give the model one output for each character; the padding is the blank of CTC."""
    tokenizer = processor.tokenizer
    return {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}


def encode_rows(part: Part, processor: Any, settings: EncodeSettings) -> Encoded:
    """Give each sound with the numbers of its characters; no sound is decoded yet.

    Raises:
        DataError: a transcript is longer than its sound has frames; nothing can be learned of it.
    """
    import numpy as np

    sounds, tokenizer = part.column("audio"), processor.tokenizer
    extractor = processor.feature_extractor
    if not part.has("transcript"):
        return encode_sounds(sounds, [{}] * len(sounds), extractor, settings)
    texts = [spell(text, tokenizer) for text in part.column("transcript")]
    numbers = [np.asarray(tokenizer(text).input_ids, dtype=np.int64) for text in texts]
    encoded = encode_sounds(sounds, [{LABELS: row} for row in numbers], extractor, settings)
    if settings.is_training:
        _check_frames(part, numbers, encoded.lengths, settings.config)
    unknown = sum(int((row == tokenizer.unk_token_id).sum()) for row in numbers)
    warnings = _warn_of_unknown_characters(unknown, sum(map(len, numbers)))
    return replace(encoded, unknown=unknown, warnings=warnings if settings.is_training else ())


def _warn_of_unknown_characters(unknown: int, characters: int) -> tuple[str, ...]:
    share = unknown / max(1, characters)
    if share <= UNKNOWN_SHARE:
        return ()
    return (
        f"{share:.0%} of the characters of the training transcripts are unknown to the model's"
        " vocabulary and can never be written: choose a model of this language, or remove"
        " punctuation and digits",
    )


def spell(text: str, tokenizer: Any) -> str:
    """Write a transcript as the vocabulary does: words apart by one space, in its letter case."""
    joined = " ".join(text.split())
    letters = [sign for sign in tokenizer.get_vocab() if len(sign) == 1 and sign.isalpha()]
    if any(sign.islower() for sign in letters) == any(sign.isupper() for sign in letters):
        return joined
    return joined.lower() if any(sign.islower() for sign in letters) else joined.upper()


def _check_frames(part: Part, numbers: Sequence[Any], lengths: Sequence[int], config: Any) -> None:
    needed = [len(row) + sum(row[1:] == row[:-1]) for row in numbers]
    frames = [count_frames(max(length, count_least_samples(config)), config) for length in lengths]
    bad = [i for i, (need, have) in enumerate(zip(needed, frames, strict=True)) if need > have]
    if bad:
        first = bad[0]
        raise DataError(
            f"{describe_rows(part.table, [part.indices[i] for i in bad])} has a transcript of"
            f" {len(numbers[first])} characters, but its sound gives the model"
            f" {frames[first]} frames, one for each character at most",
            hint="correct or remove the rows: either the sound or the transcript is of another",
        )


def count_frames(samples: int, config: Any) -> int:
    """Say how many frames a model like Wav2Vec2 makes of so many samples."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return max(samples, 0)


@dataclass(frozen=True, slots=True)
class PadSpeech:
    """Makes batches.

    Attributes:
        extractor: normalises sounds.
        least_samples: what the model needs to hear anything.
    """

    extractor: Any
    least_samples: int

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Put sounds together, padded to the longest.

        Returns:
            what `pad_sounds` gives, and labels [rows, characters], filled with -100.
        """
        import numpy as np
        import torch

        batch = pad_sounds(rows, self.extractor, self.least_samples)
        if all(LABELS in row for row in rows):
            width = max(len(row[LABELS]) for row in rows)
            labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
            for line, row in zip(labels, rows, strict=True):
                line[: len(row[LABELS])] = row[LABELS]
            batch[LABELS] = torch.from_numpy(labels)
        return batch


def build_collator(processor: Any, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest sound and its longest transcript."""
    return PadSpeech(processor.feature_extractor, count_least_samples(settings.config))


def answer(model: Any, batch: Batch, spec: "FineTuneJobSpec") -> "Mapping[str, torch.Tensor]":
    """Give the likeliest character of each frame [rows, frames], and the loss of each row [rows].

    Frames of the padding are the blank.
    """
    import torch

    del spec
    inputs = {name: value for name, value in batch.items() if name != LABELS}
    logits = model(**inputs).logits.float()
    blank = model.config.pad_token_id
    lengths = _count_row_frames(model, inputs, logits)
    is_padding = torch.arange(logits.shape[1], device=logits.device) >= lengths[:, None]
    answers = {"characters": logits.argmax(dim=-1).masked_fill(is_padding, blank)}
    if LABELS in batch:
        answers["loss"] = _find_losses(logits, lengths, batch[LABELS], blank)
    return answers


def _count_row_frames(
    model: Any, inputs: Mapping[str, Any], logits: "torch.Tensor"
) -> "torch.Tensor":
    import torch

    mask = inputs.get("attention_mask")
    if mask is None:
        return torch.full((len(logits),), logits.shape[1], device=logits.device)
    lengths: torch.Tensor = model._get_feat_extract_output_lengths(mask.sum(-1))
    return lengths.to(torch.long)


def _find_losses(
    logits: "torch.Tensor", lengths: "torch.Tensor", labels: "torch.Tensor", blank: int
) -> "torch.Tensor":
    """Give the loss of each row, per character: what the model's own mean is made of."""
    import torch

    kept = labels != IGNORED
    counts = kept.sum(-1)
    losses = torch.nn.functional.ctc_loss(
        logits.log_softmax(dim=-1).transpose(0, 1),
        labels.masked_select(kept),
        lengths,
        counts,
        blank=blank,
        reduction="none",
        zero_infinity=True,
    )
    return losses / counts.clamp(min=1)


def write_down(judged: Judged) -> list[str]:
    """Give the transcript of each row: repeated characters and blanks are dropped."""
    tokenizer = judged.processor.tokenizer
    characters = judged.answers["characters"].astype(int)
    # -100 fills up what was narrower than the widest batch.
    characters[characters == IGNORED] = tokenizer.pad_token_id
    return [" ".join(text.split()) for text in tokenizer.batch_decode(characters)]


def measure(judged: Judged) -> Scores:
    """Compare what the model writes with what was said."""
    tokenizer = judged.processor.tokenizer
    said = [spell(text, tokenizer) for text in judged.rows.part.column("transcript")]
    scores = score_transcripts(write_down(judged), said)
    return scores | {"loss": float(judged.answers["loss"].mean())}


def measure_usual_transcript(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the most frequent transcript of the training part as the answer for every row."""
    del labels
    said = [" ".join(text.split()) for text in judged.column("transcript")]
    counts = Counter(" ".join(text.split()) for text in train.column("transcript"))
    usual = min(counts, key=lambda text: (-counts[text], text))
    return score_transcripts([usual] * len(said), said)


def describe(judged: Judged) -> list[str]:
    """Give what the model wrote down for each row."""
    return write_down(judged)


SPEECH_RECOGNITION = Task(
    name="SpeechRecognition",
    processor="SpeechProcessor",
    find_needs=find_needs,
    auto_model="AutoModelForCTC",
    configure=configure,
    follow_processor=follow_processor,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_usual_transcript,
    describe=describe,
    answer=answer,
)
