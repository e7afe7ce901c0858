"""What the practices of spec.evaluation need besides the data of the job, found before torch is.

`run` asks once the data is read: the general rows of forgetting, the files of the model to beat.
Whatever a practice cannot do for this job is refused here, where it costs a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from finetune_api.v1alpha1.evaluation import Evaluation
from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_trainer.checkpoints.befores import Before
from finetune_trainer.data.hashing import fingerprint_parts
from finetune_trainer.data.loading import Data, load_general
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, TrainerError
from finetune_trainer.evaluation import probes, slices
from finetune_trainer.models.labels import list_labels
from finetune_trainer.models.sources import Pretrained, fetch_model
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.base import Task

RIVAL_FIELD = "evaluation.gate.beatModel"


@dataclass(frozen=True, slots=True)
class Materials:
    """What was found.

    Attributes:
        general: the rows of evaluation.forgetting.
        general_fingerprint: the hash of those rows.
        probes: the rows of evaluation.probes.
        rival: the model to beat; None where there is none, or an earlier attempt has measured it.
        revisions: the commit of each hub data set, those of the job included.
        warnings: what is unwise.
    """

    general: Part | None = None
    general_fingerprint: str | None = None
    probes: Part | None = None
    rival: Pretrained | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def choose_judged_part(parts: Mapping[str, Part]) -> str | None:
    """Name the part that a model is judged by: test, else validation; None where all rows train."""
    return next((name for name in ("test", "validation") if name in parts), None)


def find_materials(
    spec: FineTuneJobSpec, task: Task, needs: Needs, data: Data, settings: Settings
) -> Materials:
    """Read and check what needs no model.

    Raises:
        TrainerError: a practice cannot do what it is asked for.
    """
    evaluation = spec.evaluation
    warnings = _check_judged(spec, data)
    asked = None
    if evaluation.probes:
        asked = probes.build_part(evaluation.probes, task.probe_role, needs)
    if evaluation.forgetting is None:
        return Materials(probes=asked, revisions=data.revisions, warnings=warnings)
    general, revisions = load_general(spec.dataset, evaluation.forgetting, needs, settings, data)
    return Materials(
        general=general,
        general_fingerprint=fingerprint_parts([general]),
        probes=asked,
        revisions=revisions,
        warnings=warnings,
    )


def _check_judged(spec: FineTuneJobSpec, data: Data) -> tuple[str, ...]:
    """Look at the groups of the judged rows, and refuse what has no rows to be judged by."""
    evaluation = spec.evaluation
    judged = choose_judged_part(data.parts)
    if judged is not None:
        if evaluation.slices is None:
            return ()
        return tuple(slices.check_columns(data.parts[judged], evaluation.slices))
    rival = evaluation.gate.beat_model if evaluation.gate else None
    asked = {"evaluation.slices": evaluation.slices, RIVAL_FIELD: rival}
    for name, value in asked.items():
        if value is not None:
            raise ConfigError(
                f"{name} needs rows that the final model has not learned from, and with"
                " dataset.validation.folds it learns from all but the test rows",
                hint="set dataset.test, for example to {fraction: 0.2}",
            )
    return ()


def fetch_rival(
    evaluation: Evaluation, before: Before | None, labels: tuple[str, ...], settings: Settings
) -> Pretrained | None:
    """Bring the model to beat here, unless an earlier attempt has measured it.

    Raises:
        TrainerError: it is not there, or does not know the labels of the job.
    """
    uri = evaluation.gate.beat_model if evaluation.gate else None
    if uri is None or (before is not None and before.rival is not None):
        return None
    try:
        rival = fetch_model(PretrainedModel(source=uri), settings, None)
    except TrainerError as error:
        raise name_rival(error) from error
    known = list_labels(rival.config)
    if labels and set(known) != set(labels):
        raise ConfigError(
            f"{RIVAL_FIELD} {uri} knows the labels {', '.join(known[:20]) or '(none)'}, and this"
            f" job {', '.join(labels[:20])}: they cannot be compared",
            hint=f"name a model of the same labels in {RIVAL_FIELD}, or remove it",
        )
    return rival


def name_rival(error: TrainerError) -> TrainerError:
    """Say of which field an error about a model is: it is the same for every model."""
    hint = error.hint.replace("model.source", RIVAL_FIELD) if error.hint else None
    return type(error)(str(error).replace("model.source", RIVAL_FIELD), hint)
