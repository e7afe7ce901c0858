"""The Trainer of transformers, with the few parts replaced that do not do for us."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer

from finetune_api.v1alpha1.status import CheckpointStatus
from finetune_api.v1alpha1.training import Training
from finetune_trainer.callbacks.divergence import GuardAgainstDivergence
from finetune_trainer.callbacks.memory import collect_memory, write_memory
from finetune_trainer.checkpoints.quarantines import refusing_foreign_files
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.distribution.ranks import ALONE, Ranks
from finetune_trainer.evaluation.likelihoods import IGNORED
from finetune_trainer.models.adapter_files import load_adapter, save_adapter
from finetune_trainer.models.configurations import keeping_cache_setting, mend_generation
from finetune_trainer.models.layers import Layout
from finetune_trainer.models.packing import check_packing
from finetune_trainer.models.parameter_groups import group_parameters
from finetune_trainer.models.stillness import Stillness
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tasks.base import EncodeSettings, Judged, Rows, Scores, Task
from finetune_trainer.training.label_weights import scale_gradient
from finetune_trainer.training.orders import order_for_evaluation, order_for_training

STATE_NAME = "trainer_state.json"


@dataclass(frozen=True, slots=True)
class Parts:
    """What our Trainer needs besides the arguments of the library's.

    Attributes:
        training: spec.training.
        layout: where the parameters of the model are.
        store: takes the checkpoints.
        guard: looks at losses and gradients.
        board: is told about checkpoints.
        instruments: measures them.
        checkpoints_uri: how the user names the folder of the store.
        task: what is learned.
        settings: how rows were encoded.
        stillness: keeps what is frozen from moving by itself.
        has_adapter: whether an adapter is what is trained, saved and loaded.
        rows_per_step: of all processes together; what is grouped by length.
        labels_per_step: labels of a step on average; None: each step weighs the same.
        ranks: the processes that train together.
    """

    training: Training
    layout: Layout
    store: CheckpointStore
    guard: GuardAgainstDivergence
    board: Board
    instruments: Instruments
    checkpoints_uri: str
    task: Task
    settings: EncodeSettings
    stillness: Stillness
    has_adapter: bool = False
    rows_per_step: int = 1
    labels_per_step: float | None = None
    ranks: Ranks = ALONE


class FineTuneTrainer(Trainer):
    """Replaces parameter groups, order of rows, checkpoint writing; shows loss and gradient."""

    def __init__(self, *, parts: Parts, **options: Any) -> None:
        self.parts = parts
        self.last_save_seconds = 0.0
        self._late_scores: dict[str, float] = {}
        self._judged_rows: Rows | None = None
        with keeping_cache_setting(options["model"].config):
            super().__init__(**options, compute_metrics=self._measure)
        # The library believes that every model which takes extra arguments counts the targets of
        # the whole step. Most do not: their gradients would be added up instead of averaged.
        self.model_accepts_loss_kwargs = parts.task.loss_spans_batches
        mend_generation(options["model"])
        if parts.training.packing:
            check_packing(options["model"], parts.settings.spec.model.source)

    def train(self, *args: Any, **options: Any) -> Any:
        """Keep no cache while training, which packed rows could not be told apart with."""
        config: Any = self.model.config  # type: ignore[union-attr]
        with keeping_cache_setting(config):
            config.use_cache = False
            return super().train(*args, **options)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Let every label weigh the same, whatever batch and step it is in.

        The model gives the mean of a batch, which is weighed here by its share of the labels; some
        models can do that themselves, but T5, BART and others take the count and ignore it. What a
        step weighs among others does not change the loss that is shown.
        """
        self.parts.stillness.hold()
        outputs: Any = model(**inputs)
        loss, labels = outputs["loss"], inputs.get("labels")
        # The library smooths labels only after it has taken them from the model, but from them an
        # encoder-decoder makes what its decoder reads.
        if self.label_smoother is not None and labels is not None:
            logits = outputs["logits"]
            given = {"logits": logits[:, -labels.shape[1] :] if labels.ndim == 2 else logits}
            # By the task and not by the library's guess, which does not know GPT-2 for one.
            is_causal = self.parts.task.auto_model == "AutoModelForCausalLM"
            loss = self.label_smoother(given, labels, shift_labels=is_causal)
        spans_batches = self.parts.task.loss_spans_batches
        if spans_batches and labels is not None and num_items_in_batch is not None:
            loss = self._weigh(loss, labels, num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def _weigh(
        self, loss: torch.Tensor, labels: torch.Tensor, in_step: torch.Tensor | int
    ) -> torch.Tensor:
        share = (labels != IGNORED).sum() / in_step
        # The gradients of all processes are averaged, but the labels were counted over all.
        loss = loss * share * self.accelerator.num_processes
        usual = self.parts.labels_per_step
        return scale_gradient(loss, in_step / usual) if usual else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Give layers and head learning rates of their own."""
        if self.optimizer is None:
            target: Any = self.model if model is None else model
            parameters = {n: p for n, p in target.named_parameters() if p.requires_grad}
            groups = group_parameters(
                parameters,
                set(self.get_decay_parameter_names(target)),
                self.parts.layout,
                self.parts.training,
            )
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, target)
            self.optimizer = kind(
                [
                    {
                        "params": [parameters[name] for name in group.names],
                        "lr": group.learning_rate,
                        "weight_decay": group.weight_decay,
                    }
                    for group in groups
                ],
                **options,
            )
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return EpochOrder(rows, self.parts.rows_per_step, self.parts.training.seed)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        return order_for_evaluation(eval_dataset.lengths)

    def training_step(self, *args: Any, **options: Any) -> torch.Tensor:
        """Show the raw loss to the guard."""
        loss = super().training_step(*args, **options)
        self.parts.guard.observe_loss(loss)
        return loss

    def _get_grad_norm(self, *args: Any, **options: Any) -> Any:
        norm = self._measure_gradient(*args, **options)
        self.parts.guard.observe_gradient(norm)
        return norm

    def _measure_gradient(self, *args: Any, **options: Any) -> Any:
        return super()._get_grad_norm(*args, **options)  # type: ignore[no-untyped-call]

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Count nothing: the library walks through all modules in each step, for a sum unread."""
        return 0

    def evaluation_loop(self, *args: Any, **options: Any) -> Any:
        """Leave the random numbers of the training alone.

        A run that was interrupted in an evaluation would otherwise go on with other dropout masks
        than one that was not.
        """
        dataloader = args[0] if args else options["dataloader"]
        self._judged_rows = dataloader.dataset
        with torch.random.fork_rng(devices=[]):
            return super().evaluation_loop(*args, **options)

    def prediction_step(
        self,
        model: Any,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[None, Any, torch.Tensor]:
        """Ask the model as the task does; losses are metrics like the others, over all rows."""
        batch = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            answers = self.parts.task.answer(model, batch, self.parts.settings.spec)
        gathered = {name: answer.detach() for name, answer in answers.items()}
        # The Trainer measures only where there are targets; ours are in the rows.
        first = next(iter(gathered.values()))
        return None, gathered, torch.zeros(len(first), device=first.device)

    def _measure(self, prediction: Any) -> Scores:
        assert self._judged_rows is not None
        return self.parts.task.measure(self._judge(prediction.predictions, self._judged_rows))

    def _judge(self, answers: dict[str, Any], rows: Rows) -> Judged:
        """Put the answers, which come longest row first, into the order of the rows."""
        places = np.argsort(order_for_evaluation(rows.lengths), kind="stable")
        ordered = {name: found[places] for name, found in answers.items()}
        return Judged(ordered, rows, self.parts.settings, self.processing_class)

    def ask(self, rows: Rows) -> Judged:
        """Ask the model about rows, which need no labels, and keep the answers."""
        measure, self.compute_metrics = self.compute_metrics, None
        try:
            answers: Any = self.predict(rows).predictions  # type: ignore[arg-type]
        finally:
            self.compute_metrics = measure
        return self._judge(answers, rows)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint aside, seal it and publish it."""
        self.parts.guard.verify()
        self.parts.board.enter("Save")
        began = time.monotonic()
        step = self.state.global_step
        with self.parts.store.writing(step) as folder:
            self._write_weights(folder)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            self._save_rng_state(str(folder))
            memory = collect_memory(self.callback_handler.callbacks)
            if self.args.should_save:
                self.state.save_to_json(str(folder / STATE_NAME))
                write_memory(folder, memory)
        self.last_save_seconds = time.monotonic() - began
        self.parts.instruments.checkpoint_duration.observe(self.last_save_seconds)
        self.parts.instruments.checkpoint_bytes.set(self.parts.store.newest_bytes)
        path = f"{self.parts.checkpoints_uri}/checkpoint-{step}"
        self.parts.board.update(checkpoint=CheckpointStatus(step=step, path=path))
        self.parts.board.enter("Train")

    def save_now(self) -> None:
        """Write a checkpoint of this moment, unless the newest one is of this step."""
        if self.parts.store.newest_step != self.state.global_step:
            self._save_checkpoint(self.model, None)

    def log_what_is_due(self) -> None:
        """Log the loss if it is the turn of this step: after a restart it would have passed."""
        if self.control.should_log:
            self.control.should_evaluate = self.control.should_save = False
            model: Any = self.model
            self._maybe_log_save_evaluate(
                self._tr_loss, None, model, None, self.state.epoch or 0, None, time.time()
            )

    def read_loss_sum(self) -> tuple[torch.Tensor, int]:
        """Give the sum of losses since the last log, and the step of that log."""
        return self._tr_loss, self._globalstep_last_logged

    def write_loss_sum(self, loss_sum: float, last_logged_step: int) -> None:
        """Take both back."""
        self._tr_loss.fill_(loss_sum)
        self._globalstep_last_logged = last_logged_step

    def save_weights(self, folder: Path) -> None:
        """Write the weights and the configuration alone."""
        self.parts.guard.verify()
        self._write_weights(folder)

    def load_weights(self, folder: Path) -> None:
        """Take over the weights of a sealed folder."""
        self._load_from_checkpoint(str(folder))

    def evaluate_late(self) -> None:
        """Do an evaluation that was cut short; a schedule that follows evaluations is told later.

        It is read from the checkpoint only when training begins.
        """
        self._late_scores = self.evaluate()

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Tell a schedule on a plateau of the evaluation that the checkpoint does not know."""
        with refusing_foreign_files(checkpoint):
            self._take_up_optimizer(checkpoint)
        scores, self._late_scores = self._late_scores, {}
        if scores and isinstance(self.lr_scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.lr_scheduler.step(scores[f"eval_{self.args.metric_for_best_model}"])

    def _take_up_optimizer(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with refusing_foreign_files(checkpoint):
            super()._load_rng_state(checkpoint)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load an adapter by our own way, which opens safetensors only."""
        if self.parts.has_adapter:
            load_adapter(self.model, Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def take_up_state(self, folder: Path) -> None:
        """Take over where a checkpoint was, without training on from it."""
        content = json.loads((folder / STATE_NAME).read_text())
        self.state.global_step = content["global_step"]
        self.state.epoch = content["epoch"]
        self.state.max_steps = content["max_steps"]

    def _write_weights(self, folder: Path) -> None:
        if self.parts.has_adapter:
            if self.args.should_save:
                save_adapter(self.model, folder)
            return
        self.save_model(str(folder), _internal_call=True)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the weights alone, under the names that they have in memory.

        The library would write the names of its older releases, and on loading leave out, without
        a word, what it does not find under the new ones: a ViT went on with half of its weights.
        It would add a pickle of the arguments, too, which nobody needs.
        """
        if self.args.should_save and output_dir is not None:
            model: Any = self.accelerator.unwrap_model(self.model)
            model.save_pretrained(output_dir, state_dict=state_dict, save_original_format=False)


class EpochOrder(torch.utils.data.Sampler[int]):
    """The order of the training rows; the Trainer tells it the epoch."""

    def __init__(self, rows: Rows, batch_size: int, seed: int) -> None:
        self._rows = rows
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Change to the rows and the order of an epoch."""
        self._epoch = epoch
        if self._rows.encoded.set_epoch is not None:
            self._rows.encoded.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Any:
        lengths = self._rows.lengths
        return iter(order_for_training(lengths, self._batch_size, self._seed, self._epoch))
