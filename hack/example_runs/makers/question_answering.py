"""Short lives of made-up people, and questions about them; some that the text does not answer."""

import random
from pathlib import Path

from example_runs.materials import Row, place_model, write_parts

FIRST = ("Ada", "Boris", "Clara", "Dario", "Elsa", "Felix", "Greta", "Hugo", "Irma", "Jonas")
LAST = ("Weber", "Novak", "Rossi", "Silva", "Berg", "Moreau", "Kowal", "Lind", "Ortega", "Hall")
TOWNS = (
    *("London", "Lisbon", "Vienna", "Oslo", "Prague", "Dublin", "Naples", "Geneva", "Riga"),
    *("Cairo", "Boston", "Quebec", "Havana", "Lima", "Kyoto"),
)
JOBS = (
    *("baker", "surgeon", "sailor", "teacher", "painter", "lawyer", "farmer", "engineer"),
    *("librarian", "carpenter", "violinist", "journalist"),
)
PETS = ("dog", "cat", "parrot", "horse", "turtle", "rabbit")
FACTS: dict[str, tuple[str, str]] = {
    "town": ("{name} was born in {value}.", "Where was {name} born?"),
    "year": ("The family moved in {value}.", "When did the family of {name} move?"),
    "job": ("{name} found work as a {value}.", "What did {name} work as?"),
    "pet": ("At home there was always a {value}.", "Which animal lived with {name}?"),
    "home": ("In the end {name} settled in {value}.", "Where did {name} settle?"),
}
ASIDES = (
    "The winters were long and the summers short.",
    "Not much is known about those years.",
    "Friends remember a quiet and friendly person.",
    "Letters of that time are kept in the archive.",
    "The town has changed a great deal since then.",
)
UNANSWERED_SHARE = 0.2
ROWS = {"train": 700, "validation": 120, "test": 240}


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    generator = random.Random(0)
    write_parts(
        folder, {part: [_make_row(generator) for _ in range(n)] for part, n in ROWS.items()}
    )


def _make_row(generator: random.Random) -> Row:
    name = f"{generator.choice(FIRST)} {generator.choice(LAST)}"
    values = {
        "town": generator.choice(TOWNS),
        "year": str(generator.randint(1800, 1999)),
        "job": generator.choice(JOBS),
        "pet": generator.choice(PETS),
        "home": generator.choice(TOWNS),
    }
    asked = generator.choice(list(FACTS))
    is_told = generator.random() >= UNANSWERED_SHARE
    sentences: list[tuple[str, str]] = [("", aside) for aside in generator.sample(ASIDES, 3)]
    for fact, (sentence, _) in FACTS.items():
        if fact != asked or is_told:
            sentences.append((fact, sentence.format(name=name, value=values[fact])))
    generator.shuffle(sentences)
    answers: dict[str, list[object]] = {"text": [], "answer_start": []}
    context = ""
    for fact, sentence in sentences:
        if fact == asked:
            answers["text"].append(values[fact])
            answers["answer_start"].append(len(context) + sentence.rindex(values[fact]))
        context += f"{sentence} "
    question = FACTS[asked][1].format(name=name)
    return {"question": question, "context": context.strip(), "answers": answers}
