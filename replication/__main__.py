"""List the commands of the suite, a line each: `python -m replication`.

A command is a file of this folder, or the room of one purpose that Python can run. Each says more with `--help`.
"""

from __future__ import annotations

import ast
from pathlib import Path

from replication.foundation.command import exit_clearly

HERE = Path(__file__).parent


def commands(folder: Path = HERE) -> dict[str, str]:
    """Name of each command → what it does, which is the first line of its file."""
    files = [path for path in folder.glob("*.py") if not path.stem.startswith("_")]
    files += [path for path in folder.glob("*/__main__.py")]
    names = {(path.parent.name if path.stem == "__main__" else path.stem): path for path in files}
    return {name: _purpose(path) for name, path in sorted(names.items())}


def _purpose(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].split(": `python")[0].rstrip(".")


def main() -> None:
    """Print them."""
    known = commands()
    width = max(map(len, known))
    print("python -m replication.COMMAND [--help]\n")
    print("\n".join(f"  {name.ljust(width)}  {purpose}" for name, purpose in known.items()))


if __name__ == "__main__":
    exit_clearly(main)
