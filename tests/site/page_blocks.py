"""The blocks of a page that show commands, scripts and what they print, and a directory in which to run them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import plastodyn

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(
    r"^```(?:\{code-block\} *)?(shell|bash|python|toml)\n(?::class: ([\w-]+)\n)?\n*(.*?)^```$", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    """A block: its language, its class (empty if it has none) and its text."""

    language: str
    kind: str
    text: str


def blocks_of(page: str) -> list[Block]:
    r"""The blocks of a page, in order.

    >>> page = "```shell\nls\n```\n```{code-block} python\n:class: a\n\nx\n```"
    >>> [(block.language, block.kind) for block in blocks_of(page)]
    [('shell', ''), ('python', 'a')]
    """
    return [Block(language, kind, text) for language, kind, text in _BLOCK.findall(page)]


class Shell:
    """A shell in which `plastodyn` is this code, on this Python."""

    def __init__(self, place: Path, **environment: str) -> None:
        binaries = place / "bin"
        binaries.mkdir()
        for name, words in (("plastodyn", '-P -m plastodyn "$@"'), ("python", '"$@"')):
            file = binaries / name
            file.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}\n')
            file.chmod(0o755)
        path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        code = str(Path(plastodyn.__file__).parents[1])
        self.environment = {**os.environ, **environment, "PATH": path, "PYTHONPATH": code, "COLUMNS": "200"}

    def begin(self, text: str, place: Path, **environment: str) -> subprocess.Popen[str]:
        """Start the commands of a block; the first that fails is the last."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(["bash", "-ec", text], cwd=place, env={**self.environment, **environment}, **pipes)

    def run(self, text: str, place: Path, **environment: str) -> str:
        """Run a block, and give what it prints on standard output; it must not fail."""
        process = self.begin(text, place, **environment)
        try:
            said, errors = process.communicate()
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, f"{text}\n{said}\n{errors}"
        return said
