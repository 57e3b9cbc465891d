"""Experiments described in one TOML file: read and checked, built at each point of their axes, run as a sweep."""

from plastodyn.experiments import registry
from plastodyn.experiments.building import key_of
from plastodyn.experiments.checking import check
from plastodyn.experiments.document import Document, from_json, to_json
from plastodyn.experiments.files import search_in
from plastodyn.experiments.members import member
from plastodyn.experiments.reading import parse, read, try_out
from plastodyn.experiments.running import Code, begin, circuit_of, code_of, cost, find_code, parameters, run
from plastodyn.experiments.schema import schema
from plastodyn.experiments.writing import dump

__all__ = [
    "Code",
    "Document",
    "begin",
    "check",
    "circuit_of",
    "code_of",
    "cost",
    "dump",
    "find_code",
    "from_json",
    "key_of",
    "member",
    "parameters",
    "parse",
    "read",
    "registry",
    "run",
    "schema",
    "search_in",
    "to_json",
    "try_out",
]
