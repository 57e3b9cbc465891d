"""Every command of ``plastodyn`` with its help, arguments, options and examples, in Markdown."""

import re
from typing import Any

import typer
from rich.text import Text

from plastodyn.app.cli import app

_EXAMPLE = re.compile(r"^Examples?:\s*")


def commands() -> str:
    """A section for each command, read from the Typer application itself."""
    group: Any = typer.main.get_command(app)
    top = typer.Context(group, info_name="plastodyn", **group.context_settings)
    parts = ["## Options before the command", _table("option", [row for _, row in _rows(group, top)])]
    parts += [section(command, typer.Context(command, info_name=name, parent=top)) for name, command in group.commands.items()]
    return "\n\n".join(parts)


def section(command: Any, context: Any) -> str:
    """One command in Markdown."""
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    arguments = [row for kind, row in _rows(command, context) if kind == "argument"]
    options = [row for kind, row in _rows(command, context) if kind == "option"]
    parts = [f"## {context.command_path}", _plain(command.help or ""), f"```text\n{usage}\n```"]
    parts += [_table("argument", arguments), _table("option", options)]
    return "\n\n".join([part for part in parts if part] + epilog(command.epilog or ""))


def epilog(text: str) -> list[str]:
    r"""What follows a command's options: lines that begin as the command does are examples, in one block of code.

    >>> epilog("Examples: plastodyn list    plastodyn demo")
    ['```shell\nplastodyn list\nplastodyn demo\n```']
    """
    lines = [line.strip() for line in re.split(r"\n| {3,}", _without_markup(_EXAMPLE.sub("", text.strip())))]
    lines = [_EXAMPLE.sub("", line) for line in lines if line]
    examples = [line for line in lines if line.startswith("plastodyn ")]
    others = " ".join(line for line in lines if line not in examples)
    block = ["```shell\n" + "\n".join(examples) + "\n```"] if examples else []
    return block + ([f"```text\n{others}\n```"] if others else [])


def _rows(command: Any, context: Any) -> list[tuple[str, list[str]]]:
    """Names, help and default of each argument and option, ``--help`` last."""
    return [(parameter.param_type_name, _row(parameter)) for parameter in command.get_params(context)]


def _row(parameter: Any) -> list[str]:
    argument = parameter.param_type_name == "argument"
    named = [parameter.name.upper()] if argument else sorted([*parameter.opts, *parameter.secondary_opts], key=len)
    return [", ".join(f"`{name}`" for name in named), _plain(parameter.help or ""), _default(parameter)]


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


def _plain(text: str) -> str:
    """Text that Markdown takes for text, with its paragraphs, and options and what it sets as code."""
    coded = re.sub(r"(?<![\w`-])(--[a-z][a-z-]*)", r"`\1`", _without_markup(text).replace("``", "`"))
    parts = re.split(r"(`[^`]*`)", coded)
    return "".join(part if part.startswith("`") else re.sub(r"([*_{}\[\]<>#|$~])", r"\\\1", part) for part in parts)
