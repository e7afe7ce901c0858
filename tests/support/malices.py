"""Things that are made to do harm, and the canary that tells whether they did.

A payload makes a file and opens a connection to a port of ours; `Canary.is_untouched` says that
neither has happened. `SPOILED_MODELS` turn a good model into a bad one, `BAD_DATA` are folders of
data. Each says with which code a trainer has to refuse it.
"""

from __future__ import annotations

import json
import pickle
import shutil
import socket
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from source_kinds import SOURCE_KINDS, SourceKind
from trainer_jobs import make_reviews, write_csv, write_jsonl, write_parquet

LENGTH_BYTES = 8
DEPTH = 100_000


class Canary:
    """A file that no code may ever make, and a port that nobody may ever ask."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary"
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def port(self) -> int:
        """The port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def code(self) -> str:
        """Python that does the harm."""
        return (
            f"import pathlib, socket; pathlib.Path({str(self.file)!r}).touch();"
            f" socket.create_connection(('127.0.0.1', {self.port}))"
        )

    def is_untouched(self) -> bool:
        """Tell whether nothing was made and nobody came."""
        try:
            self._socket.accept()
        except BlockingIOError:
            return not list(self._folder.rglob("canary*"))
        return False

    def pickle(self) -> bytes:
        """Give a pickle that does the harm when it is opened."""
        return pickle.dumps(_Bomb(self.code), protocol=2)  # of another, torch only warns


class _Bomb:
    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self._code,)


Spoil = Callable[[Path, Canary], None]
"""Puts something bad into a folder."""


@dataclass(frozen=True, slots=True)
class Malice:
    """Something bad, and how it must be answered.

    Attributes:
        spoil: makes it: from a good model, or in an empty folder of data.
        code: the exit code; never one that is retried. None where each kind of source says
            another one, all of them final.
        says: what the message holds besides the source.
        kinds: the kinds of source that can hold it: no link lies in a hub or a bucket, and what
            the datasets library mends or takes an hour for is not asked of it.
    """

    spoil: Spoil
    code: ExitCode | None
    says: str = ""
    kinds: tuple[SourceKind, ...] = SOURCE_KINDS

    @property
    def codes(self) -> frozenset[ExitCode]:
        """The exit codes that will do."""
        return FINAL_CODES if self.code is None else frozenset({self.code})


FINAL_CODES = frozenset(code for code, meaning in MEANINGS.items() if code and not meaning.retried)
CLAIM: tuple[SourceKind, ...] = ("pvc",)
READ_BY_US: tuple[SourceKind, ...] = ("pvc", "file", "s3")


# --- models ---------------------------------------------------------------------------------------


def change_json(path: Path, **changes: Any) -> None:
    """Change settings."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | changes))


def _write_code(path: Path, canary: Canary) -> None:
    path.write_text(f"{canary.code}\nclass Evil: pass\n")


def _write_header(folder: Path, header: bytes, length: int | None = None) -> None:
    size = len(header) if length is None else length
    content = size.to_bytes(LENGTH_BYTES, "little") + header
    (folder / "model.safetensors").write_bytes(content)


def _keep_only(name: str) -> Spoil:
    def spoil(folder: Path, canary: Canary) -> None:
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(canary.pickle())

    return spoil


def _pickle_the_tokenizer(folder: Path, canary: Canary) -> None:
    (folder / "tokenizer.json").unlink()
    change_json(folder / "tokenizer_config.json", tokenizer_class="TransfoXLTokenizer")
    for name in ("vocab.pkl", "tokenizer.pkl", "vocab.bin"):
        (folder / name).write_bytes(canary.pickle())


def _bring_code_for_the_model(folder: Path, canary: Canary) -> None:
    _write_code(folder / "evil.py", canary)
    classes = {"AutoConfig": "evil.Evil", "AutoModelForSequenceClassification": "evil.Evil"}
    change_json(folder / "config.json", model_type="evil", auto_map=classes)


def _bring_code_for_the_tokenizer(folder: Path, canary: Canary) -> None:
    _write_code(folder / "evil.py", canary)
    (folder / "tokenizer.json").unlink()
    change_json(
        folder / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil", None]},
    )


def _bring_code_beside_a_known_model(folder: Path, canary: Canary) -> None:
    _write_code(folder / "evil.py", canary)
    change_json(folder / "config.json", auto_map={"AutoModel": "evil.Evil"})
    change_json(
        folder / "processor_config.json",
        processor_class="Evil",
        auto_map={"AutoProcessor": "evil.Evil"},
    )
    for name in ("training_args.bin", "optimizer.pt", "rng_state.pth", "scheduler.pt"):
        (folder / name).write_bytes(canary.pickle())


def _bring_an_adapter_alone(folder: Path, canary: Canary) -> None:
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink()
    _bring_an_adapter(folder, canary)


def _bring_an_adapter(folder: Path, canary: Canary) -> None:
    _write_code(folder / "evil.py", canary)
    adapter = {
        "peft_type": "LORA",
        "base_model_name_or_path": f"http://127.0.0.1:{canary.port}/elsewhere",
        "r": 1,
        "auto_mapping": {"base_model_class": "Evil", "parent_library": "evil"},
    }
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    (folder / "adapter_model.bin").write_bytes(canary.pickle())


def _claim_a_huge_header(folder: Path, _: Canary) -> None:
    _write_header(folder, b"{}", length=2**62)


def _nest_the_header(folder: Path, _: Canary) -> None:
    _write_header(folder, b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)


def _claim_a_huge_tensor(folder: Path, _: Canary) -> None:
    tensor = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]}
    header = json.dumps({"embeddings.word_embeddings.weight": tensor}).encode()
    _write_header(folder, header + b"\0" * 8, length=len(header))


def _nest(name: str) -> Spoil:
    def spoil(folder: Path, _: Canary) -> None:
        (folder / name).write_text('{"a":' * DEPTH + "1" + "}" * DEPTH)

    return spoil


def _point_the_index_elsewhere(folder: Path, _: Canary) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "stolen.safetensors")
    index = {"weight_map": {"pooler.dense.bias": "../stolen.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _steal(setting: str) -> Spoil:
    """Let a setting of the tokenizer name a file, the words of which a model would publish."""

    def spoil(folder: Path, canary: Canary) -> None:
        (folder / "tokenizer.json").unlink()
        stolen: Any = "/proc/self/environ"
        changes = {setting: [stolen] if setting == "init_inputs" else stolen}
        path = folder / "tokenizer_config.json"
        change_json(path, tokenizer_class="BertTokenizer", **changes)

    return spoil


def _link_the_vocabulary(folder: Path, _: Canary) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").symlink_to("/proc/self/environ")


def _link_the_weights(folder: Path, _: Canary) -> None:
    (folder / "model.safetensors").rename(folder.parents[2] / "stolen.safetensors")
    (folder / "model.safetensors").symlink_to(folder.parents[2] / "stolen.safetensors")


def _open_a_checkpoint_of_timm(folder: Path, canary: Canary) -> None:
    (folder / "evil.pth").write_bytes(canary.pickle())
    change_json(
        folder / "config.json",
        model_type="timm_wrapper",
        architecture="resnet18",
        model_args={"checkpoint_path": "/proc/self/environ"},
    )


def _name_an_architecture_of_a_hub(folder: Path, _: Canary) -> None:
    change_json(folder / "config.json", model_type="timm_wrapper", architecture="hf-hub:evil/model")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _zip(folder: Path, canary: Canary, **files: bytes) -> None:
    with zipfile.ZipFile(folder / "files.zip", "w") as archive:
        archive.writestr(f"../../{canary.file.name}", "slipped out")
        archive.writestr(str(canary.file), "slipped out")
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)


def _zip_it(folder: Path, canary: Canary) -> None:
    _empty(folder)
    _zip(folder, canary, config__json=b"{}")


def _tar_it(folder: Path, canary: Canary) -> None:
    _empty(folder)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(str(canary.file)), BytesIO())


BAD_CONFIG, NOT_FOUND = ExitCode.BAD_CONFIG, ExitCode.NOT_FOUND
SPOILED_MODELS: dict[str, Malice] = {
    "weights as a pickle": Malice(_keep_only("pytorch_model.bin"), BAD_CONFIG, "safetensors"),
    "weights as a torch file": Malice(_keep_only("model.pt"), BAD_CONFIG, "safetensors"),
    "a tokenizer as a pickle": Malice(_pickle_the_tokenizer, NOT_FOUND, "has no tokenizer"),
    "code for the model": Malice(_bring_code_for_the_model, BAD_CONFIG, "are not run"),
    "code for the tokenizer": Malice(_bring_code_for_the_tokenizer, NOT_FOUND, "has no tokenizer"),
    "code that nobody needs": Malice(_bring_code_beside_a_known_model, ExitCode.DONE),
    "an adapter with pickles": Malice(_bring_an_adapter_alone, BAD_CONFIG, "is an adapter"),
    "an adapter beside a model": Malice(_bring_an_adapter, BAD_CONFIG, "adapter_config.json"),
    "a header of four exabytes": Malice(_claim_a_huge_header, BAD_CONFIG, "model.safetensors"),
    "a header nested without end": Malice(_nest_the_header, BAD_CONFIG, "model.safetensors"),
    "a tensor of four terabytes": Malice(_claim_a_huge_tensor, BAD_CONFIG, "model.safetensors"),
    "a configuration without end": Malice(_nest("config.json"), BAD_CONFIG, "config.json"),
    "a tokenizer's settings without end": Malice(
        _nest("tokenizer_config.json"), BAD_CONFIG, "tokenizer_config.json is no JSON"
    ),
    "a tokenizer without end": Malice(_nest("tokenizer.json"), NOT_FOUND, "has no tokenizer"),
    "weights of a neighbour": Malice(_point_the_index_elsewhere, BAD_CONFIG, "../stolen"),
    "a vocabulary out of the environment": Malice(_steal("vocab"), BAD_CONFIG, "sets vocab"),
    "arguments out of the environment": Malice(
        _steal("init_inputs"), BAD_CONFIG, "sets init_inputs"
    ),
    "a link to the environment": Malice(
        _link_the_vocabulary, BAD_CONFIG, "vocab.txt is a link", kinds=CLAIM
    ),
    "a link to another's weights": Malice(
        _link_the_weights, BAD_CONFIG, "model.safetensors is a link", kinds=CLAIM
    ),
    "a checkpoint of timm": Malice(_open_a_checkpoint_of_timm, BAD_CONFIG, "sets checkpoint_path"),
    "an architecture of a hub": Malice(
        _name_an_architecture_of_a_hub, BAD_CONFIG, "names the architecture"
    ),
    "a zip that slips out": Malice(_zip_it, None),
    "a tar that slips out": Malice(_tar_it, None),
}


# --- data -----------------------------------------------------------------------------------------


def _write_a_script(folder: Path, canary: Canary) -> None:
    # By the name of the folder, as the datasets library once looked for it.
    _write_code(folder / f"{folder.name}.py", canary)


def _write_pickle(folder: Path, canary: Canary) -> None:
    (folder / "train.pkl").write_bytes(canary.pickle())


def _write_pickle_as(name: str) -> Spoil:
    def spoil(folder: Path, canary: Canary) -> None:
        (folder / name).write_bytes(canary.pickle())

    return spoil


def _write_archive(folder: Path, canary: Canary) -> None:
    _zip(folder, canary)


def _write_tar_of_pickles(folder: Path, canary: Canary) -> None:
    """Write what the datasets library takes for a WebDataset, whose cells may be pickles."""
    with tarfile.open(folder / "train.tar", "w") as archive:
        for name in ("0.pkl", "0.pth", "0.pyd"):
            entry = tarfile.TarInfo(name)
            content = canary.pickle()
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))


def _write_line(line: str) -> Spoil:
    def spoil(folder: Path, _: Canary) -> None:
        path = write_jsonl(folder / "train.jsonl", make_reviews(20))
        path.write_text(path.read_text() + line + "\n")

    return spoil


def _claim_a_huge_footer(folder: Path, _: Canary) -> None:
    path = write_parquet(folder / "train.parquet", make_reviews(20))
    content = path.read_bytes()
    path.write_bytes(content[:-8] + struct.pack("<I", 2**31 - 1) + content[-4:])


def _spoil_the_footer(folder: Path, _: Canary) -> None:
    """Let the Parquet footer promise lists of billions."""
    path = write_parquet(folder / "train.parquet", make_reviews(20))
    footer = b"\x15\x02\x19\xfc" + b"\xff\xff\xff\xff\x07" + b"\0" * 16
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")


def _claim_a_huge_message(folder: Path, _: Canary) -> None:
    """Let the Arrow stream announce a schema of two gigabytes."""
    (folder / "train.arrow").write_bytes(b"\xff\xff\xff\xff" + struct.pack("<i", 2**31 - 1))


def _spoil_utf8(folder: Path, _: Canary) -> None:
    """Write a Parquet column of texts that are none."""
    import pyarrow
    import pyarrow.parquet

    raw = pyarrow.array([b"\xff\xfe"] * 20, pyarrow.binary())
    texts = pyarrow.Array.from_buffers(pyarrow.string(), len(raw), raw.buffers())
    labels = pyarrow.array(["a", "b"] * 10)
    table = pyarrow.table({"text": texts, "label": labels})
    pyarrow.parquet.write_table(table, folder / "train.parquet")


def _write_many_columns(folder: Path, _: Canary) -> None:
    names = ",".join(f"c{number}" for number in range(200_000))
    (folder / "train.csv").write_text(f"{names}\n{names}\n")


def _write_an_open_quote(folder: Path, _: Canary) -> None:
    path = write_csv(folder / "train.csv", make_reviews(20))
    path.write_text(path.read_text() + '"' + "x" * 20_000_000)


def _link_to_the_environment(folder: Path, _: Canary) -> None:
    (folder / "train.csv").symlink_to("/proc/self/environ")


def _link_to_a_neighbour(folder: Path, _: Canary) -> None:
    stolen = write_csv(folder.parents[3] / "stolen.csv", make_reviews(20))
    (folder / "train.csv").symlink_to(stolen)


BAD_ROWS = ExitCode.BAD_DATA
BAD_DATA: dict[str, Malice] = {
    "a script of the data": Malice(_write_a_script, None),
    "a pickle": Malice(_write_pickle, None),
    "a pickle that is called CSV": Malice(_write_pickle_as("train.csv"), None),
    "a pickle that is called Parquet": Malice(_write_pickle_as("train.parquet"), None),
    "a zip that slips out": Malice(_write_archive, None),
    "a tar of pickles": Malice(_write_tar_of_pickles, None),
    "JSON nested without end": Malice(_write_line("[" * DEPTH), None),
    "a number of a million digits": Malice(
        _write_line(f'{{"text": {"9" * 1_000_000}, "label": "a"}}'), BAD_ROWS, kinds=READ_BY_US
    ),
    "half of a character": Malice(
        _write_line('{"text": "\\ud800", "label": "a"}'), BAD_ROWS, kinds=READ_BY_US
    ),
    "a Parquet footer of two gigabytes": Malice(_claim_a_huge_footer, None),
    "a Parquet footer of billions of columns": Malice(_spoil_the_footer, None),
    "an Arrow schema of two gigabytes": Malice(_claim_a_huge_message, None),
    "texts that are no UTF-8": Malice(_spoil_utf8, None),
    "200,000 columns": Malice(_write_many_columns, BAD_ROWS, "has no column 'text'", READ_BY_US),
    "a quote that is never closed": Malice(_write_an_open_quote, None),
    "a link to the environment": Malice(
        _link_to_the_environment, BAD_ROWS, "train.csv is a link", kinds=CLAIM
    ),
    "a link to a neighbour's rows": Malice(
        _link_to_a_neighbour, BAD_ROWS, "train.csv is a link", kinds=CLAIM
    ),
}


def make_image_bomb(path: Path, side: int = 60_000) -> None:
    """Write a PNG of billions of pixels in some kilobytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def make_text_bomb(path: Path) -> None:
    """Write a small PNG with a comment of gigabytes."""
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    content = buffer.getvalue()
    text = b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text
    chunk += struct.pack(">I", zlib.crc32(b"zTXt" + text))
    end = content.rindex(b"IEND") - 4
    path.write_bytes(content[:33] + chunk + content[33:end] + content[end:])
