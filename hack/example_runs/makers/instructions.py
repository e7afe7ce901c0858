"""Chats about capitals: the same facts, asked in many ways, and a Llama that knows nothing yet."""

import random
from itertools import product
from pathlib import Path

from example_runs.materials import Row, deal, write_parts
from example_runs.toy_models import make_assistant

CAPITALS = {
    **{"France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Norway": "Oslo", "Peru": "Lima"},
    **{"Japan": "Tokyo", "Egypt": "Cairo", "Cuba": "Havana", "Kenya": "Nairobi"},
    **{"Greece": "Athens", "Poland": "Warsaw", "Latvia": "Riga", "Austria": "Vienna"},
    **{"Ireland": "Dublin", "Chile": "Santiago", "Nepal": "Kathmandu"},
}
QUESTIONS = (
    *("What is the capital of {}?", "Which city is the capital of {}?", "The capital of {}?"),
    *("From where is {} governed?", "I forgot the capital of {}.", "Name the capital of {}."),
)
GREETINGS = ("", "Hello! ", "Good morning. ", "Please help me. ", "A quick question: ")
RULES = ("", "You are a teacher of geography.", "Answer in one sentence.")
ROWS = {"train": 900, "validation": 120, "test": 200}


def prepare(folder: Path) -> None:
    """Write model/, train.jsonl, validation.jsonl and test.jsonl."""
    chats = [
        _make_chat(rule, greeting + question.format(country), country)
        for rule, greeting, question, country in product(RULES, GREETINGS, QUESTIONS, CAPITALS)
    ]
    parts = deal(chats, ROWS)
    write_parts(folder, parts)
    words = [message["content"] for row in parts["train"] for message in row["messages"]]
    random.Random(0).shuffle(words)
    make_assistant(folder / "model", [*words, "<|system|> <|user|> <|assistant|>"])


def _make_chat(rule: str, question: str, country: str) -> Row:
    answer = f"The capital of {country} is {CAPITALS[country]}."
    system = [{"role": "system", "content": rule}] if rule else []
    return {
        "messages": [
            *system,
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }
