"""The board of one FineTuneJob: how far it is, what it learns, how fast.

For the person who started the job. The operator's metrics are enough; where the training pods are
scraped too, the gradient norm comes with every step.
"""

from typing import TypeAlias

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard as Board
from grafana_foundation_sdk.models.dashboard import Panel, VariableRefresh, VariableSort

from dashboards.annotations import Moment
from dashboards.panels import (
    PROMETHEUS,
    Query,
    Title,
    build_curve,
    build_number,
    build_part,
    build_word,
)

Panels: TypeAlias = tuple[Builder[Panel], ...]

UID = "finetunejob"
JOB = '{namespace="$namespace",name="$job"}'
_TRUE_CONDITIONS = (
    '{namespace="$namespace",name="$job",status="true",'
    'condition=~"Queued|Running|Suspended|EarlyStopped|Complete|Failed"}'
)


def build_finetunejob_board() -> Board:
    """Give the board, read-only: an upgrade of the chart never meets a local change."""
    board = (
        dashboard.Dashboard("FineTuneJob")
        .uid(UID)
        .description("One fine-tuning job: how far it is, what it learns, how fast.")
        .tags(["finetune"])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
    )
    board = _add_variables(board)
    board = _add_moments(board)
    for title, panels in (
        ("How it stands", (*_build_progress_panels(), *_build_verdict_panels())),
        ("What it learns", (*_build_curves(), *_build_recipe_panels())),
        ("How fast", _build_pace_panels()),
    ):
        board = board.with_row(dashboard.Row(title))
        for panel in panels:
            board = board.with_panel(panel)
    return board.build()


def _add_variables(board: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        board.with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(
            dashboard.QueryVariable("namespace")
            .label("Namespace")
            .datasource(PROMETHEUS)
            .query("label_values(finetune_job_info, namespace)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
        )
        .with_variable(
            dashboard.QueryVariable("job")
            .label("Job")
            .datasource(PROMETHEUS)
            .query('label_values(finetune_job_info{namespace="$namespace"}, name)')
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
        )
    )


def _add_moments(board: dashboard.Dashboard) -> dashboard.Dashboard:
    return board.annotation(
        Moment(
            name="Stopped early",
            text="No improvement for as long as spec.earlyStopping.patience allows, or target met",
            expression=f"finetune_job_early_stop_timestamp_seconds{JOB} * 1000",
            color="orange",
            is_time_in_value=True,
        )
    ).annotation(
        Moment(
            name="Checkpoint",
            text="A checkpoint was written whole; a later attempt goes on from here",
            expression=f"changes(finetune_job_checkpoint_step{JOB}[1m]) > 0",
            color="blue",
        )
    )


def _build_progress_panels() -> Panels:
    return (
        build_word(
            Title(
                "State",
                "The conditions of the job that are true now. Nothing is shown before the"
                " operator has looked at it.",
                "none",
            ),
            Query(f"finetune_job_status_condition{_TRUE_CONDITIONS} == 1", "{{condition}}"),
            span=4,
        ),
        build_part(
            Title(
                "Progress",
                "Steps done of all steps. A job that succeeded or stopped early is at 100 %.",
                "percentunit",
            ),
            Query(f"finetune_job_progress_ratio{JOB}", "progress"),
            span=4,
        ),
        build_number(
            Title("Time left", "Estimated from the pace so far, without early stopping.", "s"),
            Query(f"finetune_job_estimated_remaining_seconds{JOB}", "left"),
            span=3,
        ),
        build_number(
            Title("Step", "The step that is reached, and the last one.", "none"),
            Query(f"finetune_job_step{JOB}", "reached"),
            Query(f"finetune_job_max_steps{JOB}", "last"),
            span=4,
        ),
        build_number(
            Title("Epoch", "Passes over the training data.", "none"),
            Query(f"finetune_job_epoch{JOB}", "epoch"),
            span=2,
            decimals=2,
        ),
    )


def _build_verdict_panels() -> Panels:
    return (
        build_number(
            Title(
                "Best",
                "The best values so far on the validation rows: what the kept model reaches.",
                "none",
            ),
            Query(f"finetune_job_best_metric{JOB}", "{{metric}}"),
            span=4,
            decimals=3,
        ),
        build_number(
            Title(
                "Restarts",
                "Attempts after the first one, whether after a failure or a preemption. More"
                " than a few: look at the reason in `kubectl describe ftj`.",
                "none",
            ),
            Query(f"finetune_job_restarts_total{JOB}", "restarts"),
            span=3,
        ),
    )


def _build_curves() -> Panels:
    return (
        build_curve(
            Title(
                "Loss",
                "On the rows it learns from and on the validation rows. When the second rises"
                " while the first falls, the model learns the training rows by heart.",
                "none",
            ),
            Query(f"finetune_job_train_loss{JOB}", "training"),
            Query(f"finetune_job_eval_loss{JOB}", "validation"),
            span=12,
        ),
        build_curve(
            Title(
                "Metric",
                "The untouched model (baseline), the best so far and, at the end, both on the"
                " test rows. Best below baseline: the recipe does harm.",
                "none",
            ),
            Query(f"finetune_job_baseline_metric{JOB}", "baseline {{metric}}"),
            Query(f"finetune_job_best_metric{JOB}", "best {{metric}}"),
            Query(f"finetune_job_test_baseline_metric{JOB}", "baseline {{metric}}, test rows"),
            Query(f"finetune_job_test_metric{JOB}", "best {{metric}}, test rows"),
            span=12,
        ),
    )


def _build_recipe_panels() -> Panels:
    return (
        build_curve(
            Title(
                "Learning rate",
                "The highest rate of all parameter groups: the warm-up, then the schedule.",
                "sci",
            ),
            Query(f"finetune_job_learning_rate{JOB}", "learning rate"),
            span=8,
        ),
        build_curve(
            Title(
                "Gradient norm",
                "Before it is cut at training.maxGradNorm. Spikes that grow announce a run"
                " that diverges. A second curve, with every step, is there when the training"
                " pods are scraped (metrics.trainerPodMonitor).",
                "none",
            ),
            Query(f"finetune_job_grad_norm{JOB}", "reported"),
            Query(f"finetune_trainer_grad_norm{JOB}", "{{pod}}"),
            span=8,
        ),
        build_curve(
            Title(
                "Patience left",
                "Evaluations without an improvement until training stops; it is filled up by"
                " each improvement.",
                "none",
            ),
            Query(f"finetune_job_early_stop_patience_remaining{JOB}", "evaluations"),
            span=8,
        ),
    )


def _build_pace_panels() -> Panels:
    return (
        build_curve(
            Title(
                "Samples per second",
                "Rows that the model learns from each second, over all devices. A fall without"
                " a restart is most often storage or a neighbour.",
                "none",
            ),
            Query(f"finetune_job_samples_per_second{JOB}", "samples"),
            span=12,
        ),
        build_curve(
            Title(
                "Time since the last report",
                "The trainer is asked every ten seconds. FineTuneJobStalled fires at fifteen"
                " minutes while the job runs.",
                "s",
            ),
            Query(f"time() - finetune_job_last_report_timestamp_seconds{JOB}", "since"),
            span=12,
        ),
    )
