"""Running tasks: here, in processes of our own, or by an engine that the caller has."""

from __future__ import annotations

import pickle
import signal
import sys
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from qsiparc.ahead import n_cores
from qsiparc.cohort.record import Status
from qsiparc.cohort.scan import run_task, run_tasks
from qsiparc.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.context import BaseContext

    import distributed

    from qsiparc.catalogue import Statistic
    from qsiparc.cohort.task import Task

    Engine: TypeAlias = int | Executor | distributed.Client | None

THREADS: Final = 2
"""Threads of a process that has as many cores; more would hand Python's lock to and fro."""

_UNKNOWN_SIZE: Final = 32
"""Tasks given at a time to an executor that does not say how many workers it has."""

_PRELOADED: Final = ("netCDF4", "dask.array", "distributed")
"""What xarray imports in every process at its first array and its first file, where it is there."""


def run_all(tasks: Iterator[Task], engine: Engine) -> Iterator[Status]:
    """Run tasks and yield what became of each, in the order in which they end.

    Tasks are taken from the iterator as there is room for them. A task whose worker dies is tried
    once more, alone, so that the tasks beside it are not lost with it.

    Parameters
    ----------
    tasks : iterator of Task
        What to run.
    engine : int, concurrent.futures.Executor, distributed.Client or None
        How many processes (1 and None: in this one), or who runs them.

    Yields
    ------
    Status
        One a task.

    Raises
    ------
    OptionError
        `engine` is nothing that runs tasks.
    """
    if engine is None or (isinstance(engine, int) and engine == 1):
        return run_tasks(tasks, threads=min(THREADS, n_cores()))
    if isinstance(engine, int) and not isinstance(engine, bool) and engine > 1:
        return _in_processes(tasks, engine)
    if isinstance(engine, Executor):
        return _by_executor(tasks, engine)
    if _is_client(engine):
        return _by_client(tasks, cast("distributed.Client", engine))
    raise OptionError(
        "executor takes a number of processes, a concurrent.futures.Executor or a "
        f"dask.distributed.Client, not {engine!r}."
    )


def require_portable(statistics: Iterable[Statistic], engine: Engine) -> None:
    """Check that functions of one's own can travel to where they are to run.

    Threads share them, dask and loky send their code; plain processes import them by name.

    Parameters
    ----------
    statistics : iterable of Statistic
        What is to be computed.
    engine : int, concurrent.futures.Executor, distributed.Client or None
        As in `run_all`.

    Raises
    ------
    OptionError
        A function cannot travel. It is named, with what to do.
    """
    ours = isinstance(engine, int) and engine > 1
    plain = isinstance(engine, ProcessPoolExecutor) or type(engine).__module__.startswith("mpi4py")
    if not ours and not plain:
        return
    for statistic in statistics:
        try:
            by_name = pickle.dumps(statistic)
        except Exception as error:  # noqa: BLE001 - what cannot be pickled raises anything
            reason = f"{type(error).__name__}: {error}"
        else:
            if not ours or b"__main__" not in by_name:  # processes of ours run no script
                continue
            reason = "it is of a notebook or a script, which they do not run"
        raise OptionError(
            f"The function of the statistic {statistic.name!r} cannot be sent to other processes "
            f"({reason}). Define it with `def` in a module that can be imported, or use one "
            f"process (executor=1), threads or dask."
        )


def _is_client(engine: object) -> bool:
    """Whether it is dask's; without importing dask, for it cannot be when nobody did."""
    module = sys.modules.get("distributed")
    return module is not None and isinstance(engine, module.Client)


def _in_processes(tasks: Iterator[Task], n_workers: int) -> Iterator[Status]:
    """A pool, and another one whenever a worker took the pool with it."""
    lost: list[Task] = []
    while True:
        with _Pool(n_workers) as pool:
            yield from _drain(tasks, pool.run, 2 * n_workers, lost)
        if not lost:
            return
        yield from map(_alone, lost)
        lost.clear()


def _by_executor(tasks: Iterator[Task], executor: Executor) -> Iterator[Status]:
    """The caller's executor; when it breaks, what is left is done in processes of our own."""
    n_workers = getattr(executor, "_max_workers", None) or _UNKNOWN_SIZE
    lost: list[Task] = []
    yield from _drain(tasks, lambda task: executor.submit(run_task, task), 2 * n_workers, lost)
    yield from map(_alone, lost)
    yield from _in_processes(tasks, n_workers) if lost else ()


class _Pool(ProcessPoolExecutor):
    """Processes that run no script of the caller's, and leave Ctrl-C to this one."""

    def __init__(self, n_workers: int) -> None:
        super().__init__(n_workers, _context(), initializer=_ignore_interrupts)
        self._threads = max(1, min(THREADS, n_cores() // n_workers))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - the signature of the standard library
        """Submit a call; processes are started here, as they are needed."""
        with _no_main_module():
            return super().submit(fn, *args, **kwargs)

    def run(self, task: Task) -> Future[Status]:
        """Submit a task, which takes two cores where there are two for each process."""
        return self.submit(run_task, task, threads=self._threads)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Keep new processes from running the caller's script, which may lack the usual guard.

    A task needs nothing of it: all that is pickled is of qsiparc.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _context() -> BaseContext:
    """Processes that begin with nothing but what a task needs."""
    import multiprocessing

    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([run_task.__module__, *_PRELOADED])
    return context


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drain(
    tasks: Iterator[Task], submit: Callable[[Task], Future[Status]], window: int, lost: list[Task]
) -> Iterator[Status]:
    """Run tasks until there are none, or the executor breaks; what it did not do is `lost`."""
    flying: dict[Future[Status], Task] = {}
    is_broken = False
    try:
        while not is_broken:
            is_broken = _refill(tasks, flying, submit, window, lost)
            if not flying:
                break
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                task = flying.pop(future)
                error = _error_of(future)
                if error is None:
                    yield future.result()
                else:
                    lost.append(task)
                    is_broken |= isinstance(error, BrokenExecutor)
        lost.extend(flying.values())
    finally:
        for future in flying:
            future.cancel()


def _refill(
    tasks: Iterator[Task],
    flying: dict[Future[Status], Task],
    submit: Callable[[Task], Future[Status]],
    window: int,
    lost: list[Task],
) -> bool:
    """Submit as many as there is room for; True when the executor is broken."""
    while len(flying) < window:
        task = next(tasks, None)
        if task is None:
            break
        try:
            flying[submit(task)] = task
        except BrokenExecutor:
            lost.append(task)
            return True
    return False


def _error_of(future: Future[Status]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _alone(task: Task) -> Status:
    """A task in a process of its own."""
    with _Pool(1) as pool:
        future = pool.run(task)
        error = _error_of(future)
    return future.result() if error is None else _died(task, error)


def _died(task: Task, error: BaseException) -> Status:
    reason = (
        f"the process that worked on it died, twice ({type(error).__name__}: {error}). Out of "
        "memory, most often: give each worker more."
    )
    failures = (*task.failures, task.trouble("worker", reason))
    return Status(task.scan, 0, failures, task.left_out, written=False)


def _by_client(tasks: Iterator[Task], client: distributed.Client) -> Iterator[Status]:
    """Futures of dask; a task whose workers were killed is tried alone once the others are done."""
    from distributed import as_completed

    flying: dict[str, tuple[Any, Task]] = {}
    lost: list[Task] = []
    completed = as_completed([], raise_errors=False)
    try:
        _top_up(tasks, client, flying, completed)
        for future in completed:
            _, task = flying.pop(future.key)
            if future.status == "finished":
                yield future.result()
            else:
                lost.append(task)
            _top_up(tasks, client, flying, completed)
        for task in lost:
            future = _submit(client, task)
            flying[future.key] = future, task
            error = future.exception()
            yield future.result() if error is None else _died(task, error)
            del flying[future.key]
    finally:
        client.cancel([future for future, _ in flying.values()])


def _top_up(
    tasks: Iterator[Task],
    client: distributed.Client,
    flying: dict[str, tuple[Any, Task]],
    completed: Any,  # noqa: ANN401 - dask's iterator
) -> None:
    """Two tasks a thread of the cluster, which may grow and shrink."""
    room = max(_UNKNOWN_SIZE, 2 * sum(client.nthreads().values())) - len(flying)
    for _ in range(room):
        task = next(tasks, None)
        if task is None:
            return
        future = _submit(client, task)
        flying[future.key] = future, task
        completed.add(future)


def _submit(client: distributed.Client, task: Task) -> Any:  # noqa: ANN401 - a future of dask
    return client.submit(run_task, task, pure=False)
