"""A real SLURM of one node on this machine: munged, slurmctld and slurmd, as processes in a directory of their own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MAX_ARRAY = 5
CPUS = 4
_CONFIGURATION = """
ClusterName=plastodyn
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
MaxArraySize={most}
KillWait=2
SlurmdTimeout=10
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """The three daemons. Each ends with this process, however it ends; so does, by and by, what they started."""

    def __init__(self, place: Path) -> None:
        self.place, self.host = place, socket.gethostname().split(".")[0]
        self.configuration = place / "slurm.conf"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for name in ("state", "spool"):
            (self.place / name).mkdir()
        key = self.place / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        text = _CONFIGURATION.format(host=self.host, place=self.place, ports=_free_ports(), most=MAX_ARRAY, cpus=CPUS)
        self.configuration.write_text(text)
        for name in ("munged", "slurmctld", "slurmd"):
            self.begin(name)
        self.wait(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"))

    def begin(self, name: str) -> None:
        commands = {
            "munged": [
                "--foreground",
                "--force",
                *(f"--{each}={self.place}/munge.{each.split('-')[0]}" for each in _MUNGE[1:]),
            ],
            "slurmctld": ["-D"],
            "slurmd": ["-D", "-N", self.host],
        }
        # The system itself ends a daemon whose tests were killed; Ctrl-C is for the tests, which end it in order.
        command = ["setpriv", "--pdeathsig", "KILL", str(shutil.which(name, path=_PATH)), *commands[name]]
        if name == "munged":
            command.append(f"--key-file={self.place}/key")
        with (self.place / f"{name}.out").open("ab") as said:
            self.daemons[name] = subprocess.Popen(
                command, env=self.environment(), stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True
            )
        if name == "munged":
            self.wait((self.place / "munge.socket").exists)

    def keep(self, job: str) -> None:
        """Until the controller has written down what is so now; one that is killed before forgets what runs."""
        asked = time.time()
        self.ask("scontrol", "update", f"JobId={job}", "Comment=kept")
        self.wait(lambda: (self.place / "state" / "job_state").stat().st_mtime > asked)

    def kill(self, name: str) -> None:
        self.daemons[name].kill()
        self.daemons[name].wait()

    def mend(self) -> None:
        """Begin again what a test has ended and left so."""
        for name, each in list(self.daemons.items()):
            if each.poll() is not None:
                self.begin(name)

    def stop(self) -> None:
        """End all that was started, whatever state it is in."""
        try:
            if all(each.poll() is None for each in self.daemons.values()) and len(self.daemons) == 3:
                self.cancel_all()
        finally:
            for each in reversed(self.daemons.values()):
                each.kill()
                each.wait()
            for process in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def cancel_all(self) -> None:
        """End all jobs and wait until nothing of them is left."""
        while jobs := self.jobs():
            self.ask("scancel", *sorted({job.split("_")[0] for job in jobs}))
            time.sleep(0.1)
        self.wait(lambda: not self.processes())

    def environment(self, **more: str) -> dict[str, str]:
        # Nothing of a job in which the tests themselves may run.
        kept = {name: value for name, value in os.environ.items() if name[:6] not in ("SLURM_", "SBATCH")}
        return {**kept, "SLURM_CONF": str(self.configuration), **more}

    def ask(self, *command: str) -> str:
        """What one of SLURM's commands prints; empty where it fails, as while the controller is away."""
        found = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        return found.stdout if found.returncode == 0 else ""

    def jobs(self, states: str = "all") -> list[str]:
        """Jobs and tasks of arrays that are not over yet: "12_3", or "13"."""
        lines = self.ask("squeue", "--noheader", "--array", f"--states={states}", "--format=%i %T").splitlines()
        return [line.split()[0] for line in lines if line.split()[1] not in _OVER]

    def processes(self) -> list[int]:
        """What jobs have started and what watches over it: all that has this cluster's configuration, but for the daemons."""
        found = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        return [pid for pid in found if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        if pid == os.getpid() or pid in [each.pid for each in self.daemons.values()]:
            return False
        try:
            # A process that has ended, and is not yet taken note of, has no environment.
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        # The controller has a helper.
        return f"SLURM_CONF={self.configuration}".encode() in environment and b"slurmscriptd" not in name

    def wait_at_work(self, happened) -> None:
        """Until something has happened, which cannot come where no job is left."""
        self.wait(lambda: happened() or not self.jobs())
        assert happened(), "all jobs ended before that"

    def wait(self, happened) -> None:
        """Until something has happened, which cannot come where a daemon has ended."""
        while not happened():
            for name, each in self.daemons.items():
                assert each.poll() is None, f"{name} ended: {(self.place / f'{name}.out').read_text()[-2000:]}"
            time.sleep(0.05)


_OVER = ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"]
_MUNGE = ("foreground", "socket", "log-file", "pid-file", "seed-file")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
