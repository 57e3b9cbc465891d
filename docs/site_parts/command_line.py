"""The directive ``command-line``: every command of ``plastodyn`` with its help, arguments, options and examples."""

import re
from typing import Any

import typer
from docutils import nodes
from rich.text import Text
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from plastodyn.app.cli import app as commands

_EXAMPLE = re.compile(r"^Examples?:\s*")


class CommandLine(SphinxDirective):
    """A section for each command, read from the Typer application itself."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        group: Any = typer.main.get_command(commands)
        top = typer.Context(group, info_name="plastodyn")
        parts = ["## Before any command", _table("option", _options(group, top))]
        parts += [section(command, typer.Context(command, info_name=name, parent=top)) for name, command in group.commands.items()]
        return self.parse_text_to_nodes("\n\n".join(parts), allow_section_headings=True)


def section(command: Any, context: Any) -> str:
    """One command in Markdown."""
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"## {context.command_path}", _escaped(_without_markup(command.help or "")), f"```text\n{' '.join(usage.split())}\n```"]
    parts += [_table("argument", _arguments(command, context)), _table("option", _options(command, context))]
    return "\n\n".join([part for part in parts if part] + epilog(command.epilog or ""))


def epilog(text: str) -> list[str]:
    """What follows a command's options: lines that begin as the command does are examples, in one block of code.

    >>> epilog("Examples: plastodyn list    plastodyn demo")
    ['```shell\\nplastodyn list\\nplastodyn demo\\n```']
    """
    lines = [line.strip() for line in re.split(r"\n| {3,}", _without_markup(_EXAMPLE.sub("", text.strip())))]
    lines = [_EXAMPLE.sub("", line) for line in lines if line]
    examples = [line for line in lines if line.startswith("plastodyn ")]
    others = " ".join(line for line in lines if line not in examples)
    block = ["```shell\n" + "\n".join(examples) + "\n```"] if examples else []
    return block + ([_escaped(others)] if others else [])


def _arguments(command: Any, context: Any) -> list[list[str]]:
    found = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    return [[f"`{parameter.name.upper()}`", _escaped(_without_markup(parameter.help or "")), _default(parameter)] for parameter in found]


def _options(command: Any, context: Any) -> list[list[str]]:
    """Names, help and default of each option, `--help` last."""
    rows = []
    for option in command.get_params(context):
        if option.param_type_name == "argument":
            continue
        names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
        rows.append([names, _escaped(_without_markup(option.help or "")), _default(option)])
    return rows


def _default(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    plain = parameter.default is None or isinstance(parameter.default, bool)
    return "" if plain else f"`{parameter.default}`"


def _table(kind: str, rows: list[list[str]]) -> str:
    if not rows:
        return ""
    head = f"| {kind} | meaning | default |\n|---|---|---|"
    return "\n".join([head, *("| " + " | ".join(row) + " |" for row in rows)])


def _without_markup(text: str) -> str:
    return Text.from_markup(text).plain


def _escaped(text: str) -> str:
    """Text that Markdown takes for text, with its paragraphs and what it sets as code."""
    return "".join(part if part.startswith("`") else re.sub(r"([*_{}\[\]<>#|$~])", r"\\\1", part) for part in re.split(r"(`[^`]*`)", text.replace("``", "`")))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
