"""Sweeps on SLURM: a job array of workers on one store, and a job that submits what they leave."""

from plastodyn.sweeps.slurm.controller import PATIENT, Controller
from plastodyn.sweeps.slurm.duration import seconds
from plastodyn.sweeps.slurm.request import Request
from plastodyn.sweeps.slurm.script import Before, scripts
from plastodyn.sweeps.slurm.submission import Submitted, before_of, stuck, submit, tasks_for

__all__ = [
    "PATIENT",
    "Before",
    "Controller",
    "Request",
    "Submitted",
    "before_of",
    "scripts",
    "seconds",
    "stuck",
    "submit",
    "tasks_for",
]
