"""Runs a command and measures it: wall time, processor time, and the peak memory of the parent and of its children."""
import os, resource, statistics, subprocess, threading, time
from dataclasses import dataclass

# How often /proc is looked at for children. Their peaks are kept by the kernel; only a child that lives shorter is missed.
LOOK_SECONDS = 0.05


@dataclass
class Run:
    seconds: float
    cpu_seconds: float      # user and system, the parent and all children that it waited for
    parent_peak: int        # bytes: VmHWM of the parent alone
    children_peak: int      # bytes: the largest VmHWM of one child
    code: int
    output: str             # stdout and stderr


def peak(pid):
    """VmHWM of a process in bytes, 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:")), 0)
    except (OSError, ValueError):
        return 0


def children(pid):
    """The process's children, their children included."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as f:
                found += [int(child) for child in f.read().split()]
    except OSError:
        pass
    return found + [grandchild for child in found for grandchild in children(child)]


def run(command, folder):
    """Runs the command in `folder`, without a terminal."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    peaks, ended = {"parent": 0, "children": 0}, threading.Event()

    def watch():
        while not ended.wait(LOOK_SECONDS):
            peaks["parent"] = max(peaks["parent"], peak(process.pid))
            peaks["children"] = max([peaks["children"]] + [peak(child) for child in children(process.pid)])

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    ended.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(seconds, cpu, peaks["parent"], peaks["children"], process.returncode, output)


def median(values):
    return statistics.median(values) if values else 0.0
