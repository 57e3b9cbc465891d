"""SLURM's own commands, called as a user would."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable

PATIENT = 40
"""Tries of a job that nobody watches: for some ten minutes, near its time limit."""
_AWAY = re.compile(r"unable to contact slurm controller|timed out|zero bytes|connection (refused|reset)", re.IGNORECASE)
_PAUSE = 15.0
"""Seconds, on top of the ten or so that SLURM's commands try by themselves."""
_KEPT = ("SLURM_CONF", "SLURM_CLUSTERS")


class Controller:
    """The cluster's controller; while it does not answer it is asked again.

    Args:
        tries: how often it is asked before that is an error.
        say: what tells the user that it does not answer.

    Raises:
        ValueError: if SLURM's commands are not on this machine.

    Source: this project.

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, PATH=""):
    ...     Controller()
    Traceback (most recent call last):
    ...
    ValueError: sbatch must be on this machine; submit where a cluster takes jobs, or run plastodyn work STORE on each machine
    """

    def __init__(self, tries: int = 1, say: Callable[[str], None] = print) -> None:
        if shutil.which("sbatch") is None:
            raise ValueError(
                "sbatch must be on this machine; submit where a cluster takes jobs, or run plastodyn work STORE on each machine"
            )
        self.tries, self.say = tries, say

    def submit(self, script: str) -> str:
        """Hand a script to sbatch.

        Args:
            script: its text.

        Returns:
            The id of the job.

        Raises:
            ValueError: if SLURM refuses it, with SLURM's reason.
        """
        # With several clusters, the name of one follows.
        return self._ask(["sbatch", "--parsable"], script).strip().split(";")[0]

    def largest_array(self) -> int | None:
        """The most tasks that a job array may have; None if the cluster does not say."""
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", self._ask(["scontrol", "show", "config"]), re.MULTILINE)
        return int(found[1]) if found else None

    def jobs(self, name: str) -> list[str]:
        """The ids of jobs that wait or run, but for the one that asks.

        Args:
            name: of the jobs, whoever owns them.
        """
        states = "--states=PENDING,RUNNING,SUSPENDED"
        found = self._ask(["squeue", "--noheader", f"--name={name}", states, "--format=%F"]).split()
        return sorted(set(found) - {os.environ.get("SLURM_JOB_ID")}, key=lambda job: (len(job), job))

    def _ask(self, command: list[str], script: str | None = None) -> str:
        # Of the job that asks, nothing is for the jobs that it submits.
        environment = {name: value for name, value in os.environ.items() if name[:6] != "SLURM_" or name in _KEPT}
        given = None if script is None else os.fsencode(script)
        for left in reversed(range(self.tries)):
            found = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
            if found.returncode == 0:
                return os.fsdecode(found.stdout)
            reason = _reason(os.fsdecode(found.stderr)) or f"exit code {found.returncode}"
            if not _AWAY.search(reason) or not left:
                raise ValueError(f"{command[0]} refused: {reason}")
            self.say(f"{command[0]}: {reason}; trying again")
            time.sleep(_PAUSE)
        raise AssertionError("at least one try")


def _reason(errors: str) -> str:
    r"""What SLURM says, in one line without its marks.

    >>> _reason("sbatch: error: invalid partition specified: no\nsbatch: error: Batch job submission failed")
    'invalid partition specified: no; Batch job submission failed'
    """
    lines = [re.sub(r"^\w+: ((error|fatal): )?", "", line).strip() for line in errors.splitlines()]
    return "; ".join(line for line in lines if line)
