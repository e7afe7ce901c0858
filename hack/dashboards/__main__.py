"""`python -m dashboards`: writes every board."""

from pathlib import Path

from dashboards.boards import build_files

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write them all."""
    for name, text in build_files().items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
