"""spec.dataset.columns: which column of the data plays which part."""

from typing import Any, ClassVar

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.v1alpha1.fields import ColumnName
from finetune_api.v1alpha1.tasks import COLUMN_ROLES, ColumnRole


def _column(what: str, example: str = "") -> Any:
    form = f", for example {example}" if example else ""
    return Field(default=None, description=f"The column that holds {what}{form}.")


class Columns(ApiModel):
    """Which column of the data plays which part.

    A role that the task needs and that is not named here is the column of the same name.
    """

    text: ColumnName | None = _column("the text")
    text_pair: ColumnName | None = _column("the second text of a pair")
    label: ColumnName | None = _column("the label, or the number to predict")
    labels: ColumnName | None = _column(
        "several labels for each row", '["funny", "short"] or funny|short'
    )
    tokens: ColumnName | None = _column("the words", '["Ada", "wrote"]')
    tags: ColumnName | None = _column("one tag for each word", '["B-PER", "O"]')
    question: ColumnName | None = _column("the question")
    context: ColumnName | None = _column("the text that holds the answer")
    answers: ColumnName | None = _column(
        "the answers", '{"text": ["Paris"], "answer_start": [17]}, empty where there is none'
    )
    source: ColumnName | None = _column("the text to summarise or translate")
    target: ColumnName | None = _column("the summary or translation")
    messages: ColumnName | None = _column(
        "a chat", '[{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]'
    )
    prompt: ColumnName | None = _column("the instruction, where there are no messages")
    completion: ColumnName | None = _column("the answer to the prompt")
    image: ColumnName | None = _column("the image: a path beside the data, or its bytes")
    objects: ColumnName | None = _column(
        "the objects of an image", '{"bbox": [[x, y, width, height]], "category": ["cat"]}'
    )
    audio: ColumnName | None = _column("the sound: a path beside the data, or its bytes")
    transcript: ColumnName | None = _column("what is said")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=(
                "["
                + ", ".join(f"has(self.{r}) ? self.{r} : '{r} '" for r in COLUMN_ROLES)
                + "].all(a, ["
                + ", ".join(f"has(self.{r}) ? self.{r} : '{r} '" for r in COLUMN_ROLES)
                + "].exists_one(b, a == b))"
            ),
            holds=lambda columns: len(set(columns.named.values())) == len(columns.named),
            message="two roles are the same column: name a column of its own for each",
        ),
        Rule(
            cel="has(self.prompt) == has(self.completion)",
            holds=lambda c: (c.prompt is None) == (c.completion is None),
            message="prompt and completion belong together: name both columns",
        ),
        Rule(
            cel="!(has(self.messages) && has(self.prompt))",
            holds=lambda c: c.messages is None or c.prompt is None,
            message=(
                "messages is {messages} and prompt is {prompt}: a row is either a chat or a prompt"
                " with its completion; name only one of them"
            ),
        ),
        Rule(
            cel="!(has(self.label) && has(self.labels))",
            holds=lambda c: c.label is None or c.labels is None,
            message=(
                "label is {label} and labels is {labels}: name label for one label in each row, or"
                " labels for several"
            ),
        ),
    )

    @property
    def named(self) -> dict[ColumnRole, str]:
        """The columns that are named, by role."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        return {role: given[role] for role in COLUMN_ROLES if role in given}
