"""The processes of a study: they end with the one that started them, and no two train the same run."""

import os
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psutil
from filelock import FileLock, Timeout

LOOK = 0.5  # seconds between two looks at whether the study still runs
PATIENCE = 20.0  # seconds for a run's last process to end: many looks


class RunInUseError(RuntimeError):
    """Another process trains the run."""


def end_with(study):
    """End this process as soon as the one whose id is `study` has ended, however it did; nothing in that one itself.

    A checkpoint is written whole or not at all, so that ending at any moment loses nothing.
    """
    if study == os.getpid() or study in watched:
        return
    watched.add(study)
    Thread(target=_watch, args=(study,), daemon=True).start()


watched = set()


def _watch(study):
    try:
        process = psutil.Process(study)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(LOOK)
    except psutil.NoSuchProcess:
        pass
    os._exit(1)


@contextmanager
def alone(folder):
    """Train the run whose checkpoints are in `folder` in this process and no other.

    Waits for a process that is about to end, as those of a study that was killed are. Raises RunInUseError where one
    goes on. The lock is the operating system's: it ends with its process, whatever becomes of that.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise RunInUseError(
            f"another process trains it, and has {lock.lock_file} locked; wait for its study to end, or end it."
        ) from None
    try:
        yield
    finally:
        lock.release()
