"""Worker processes that compute on one core each, behind the interface of `concurrent.futures.Executor`.

The standard process pool does not do here: it cannot give its children an environment of their own, it imports the
caller's script into them, one death breaks all of it, and children outlive a parent that is killed.
"""

import contextlib
import functools
import json
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any, BinaryIO

from plastodyn import checks

# Ctrl-C is for the parent, which then ends its workers.
_BEGIN = """\
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from plastodyn.sweeps.workers import serve
serve()
"""


class WorkerLost(BrokenExecutor):
    """A worker process ended in the middle of a task."""


class WorkerLostAtStart(WorkerLost):
    """A worker process was killed before its first task, which is not to blame."""


class WorkerStartError(RuntimeError):
    """A worker process ended by itself before its first task."""


def cores() -> int:
    """Cores that this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_core() -> dict[str, str]:
    """Environment variables under which JAX, NumPy and their products run on one core, the same on any machine.

    For workers that something else starts: give them these before they import JAX.

    >>> one_core()["JAX_NUM_CPU_DEVICES"]
    '1'
    """
    flags = re.sub(r"--xla_(force_host_platform_device_count|cpu_multi_thread_eigen)=\S*", "", os.environ.get("XLA_FLAGS", ""))
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "1",
        "XLA_FLAGS": f"{flags} --xla_cpu_multi_thread_eigen=false".strip(),
        # The size of XLA's pool of threads.
        "NPROC": "1",
        **dict.fromkeys(libraries, "1"),
        # The order of a set of texts, too, is to be the same in all workers.
        "PYTHONHASHSEED": "0",
    }


class LocalWorkers(Executor):
    """Processes on this machine, each on one core, started when first needed.

    A worker that dies fails the task it had with `WorkerLost`; the next task gets a new one. An error of a task comes back as
    RuntimeError with the error's name and text. Workers end with the process
    that started them, however it ends. Tasks are functions that a worker can import by name.

    >>> with LocalWorkers(1) as workers:
    ...     workers.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, count: int) -> None:
        checks.count("count", count, at_least=1)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="plastodyn-worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a task to the next free worker."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what was submitted (or, with ``cancel_futures``, only what is running) and end the workers."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            self.stop()

    def stop(self) -> None:
        """End all workers now, whatever they are doing."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in running:
            _close(process)

    def _call(self, *task: Any) -> Any:
        # One thread for each worker: it does nothing but wait for it.
        message = pickle.dumps(task)
        process = getattr(self._own, "process", None) or self._start()
        try:
            _send(process.stdin, message)
            answer = _receive(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            raise WorkerLost(f"the worker ended with {_reason(self._discard(process))}") from None
        succeeded, value = pickle.loads(answer)
        if not succeeded:
            raise value
        return value

    def _start(self) -> subprocess.Popen[bytes]:
        # Not by an environment variable, where a colon in a path would part it.
        path = json.dumps([entry or os.getcwd() for entry in sys.path])
        with self._lock:
            if self._stopped:
                raise WorkerLost("the workers have been stopped")
            if hasattr(signal, "pthread_sigmask"):
                # Inherited by the process: Ctrl-C does not reach it before it can say that it is to be ignored.
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BEGIN, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Several processes on one terminal: none of them is to repaint its lines.
                env={**os.environ, **one_core(), "TERM": "dumb"},
            )
            self._running.add(process)
        self._own.process = process
        try:
            _receive(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            code = self._discard(process)
            if code < 0:
                raise WorkerLostAtStart(f"the worker ended with {_reason(code)} while it started") from None
            raise WorkerStartError(f"a worker process could not start and ended with {_reason(code)}") from None
        return process

    def _discard(self, process: subprocess.Popen[bytes]) -> int:
        self._own.process = None
        with self._lock:
            self._running.discard(process)
        _close(process)
        return process.returncode


def serve() -> None:
    """The life of a worker: take a task from standard input, answer on standard output, end when the input ends."""
    # What experiments print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # A child that an experiment leaves behind must not keep the pipe open: its end tells that the worker has died.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(_close_quietly, answers.fileno()))
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    _send(answers, b"ready")
    while True:
        answer = _answer(tasks.get())
        # A member may have closed it.
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        _send(answers, answer)


def _answer(message: bytes) -> bytes:
    try:
        function, positional, named = pickle.loads(message)
        return pickle.dumps((True, function(*positional, **named)))
    except BaseException as error:  # Ctrl-C is ignored here: a KeyboardInterrupt is the task's own.
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _listen(source: BinaryIO, tasks: "queue.SimpleQueue[bytes]") -> None:
    try:
        while True:
            tasks.put(_receive(source))
    finally:
        # The parent is gone, maybe killed: nobody waits for what is being computed.
        os._exit(0)


def _close_quietly(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _send(pipe: Any, message: bytes) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


def _receive(pipe: Any) -> bytes:
    return pickle.load(pipe)


def _close(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        # What was left to be sent has no receiver any more.
        with contextlib.suppress(OSError, AttributeError):
            pipe.close()  # pyright: ignore[reportOptionalMemberAccess]


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as when memory runs out" if name == "SIGKILL" else name
