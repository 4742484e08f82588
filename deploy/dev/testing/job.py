"""A `deploy/sheaf run` under way, as a user starts it."""
import os
import pty
import select
import signal
import subprocess
import time

from testing.cluster import DEPLOY, Broken, wait_for

# The slow file takes this long, twice; every other one far less, on a slice of a busy processor too.
ARGUMENTS = ["run", "in", "--time-limit", "10s", "--retries", "1", "--compression", "small", "--per-file"]
OUTPUTS = ["final.xlsx", "final.jsonl.gz", "final.csv"]


def arguments(folder):
    """The command, with its outputs in `folder`."""
    outputs = [word for output in OUTPUTS for word in ("-o", f"{folder}/{output}")]
    return [*ARGUMENTS, f"{folder}/each", "--joblog", f"{folder}/log.tsv", *outputs]


class Job:
    def __init__(self, cluster, scratch, folder):
        self.cluster, self.scratch, self.log = cluster, scratch, scratch / folder / "log.tsv"
        self.command = [DEPLOY / "sheaf", *arguments(folder)]
        self.process = None

    def start(self):
        """Starts it, or goes on with it, without a terminal."""
        self.said = (self.scratch / "said").open("a+")
        self.process = subprocess.Popen(self.command, cwd=self.scratch, env=self.cluster.environment,
                                        stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)

    def interrupt(self):
        """SIGINT, as Ctrl-C sends it to a job without a terminal; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        code, self.process = self.process.wait(60), None
        return code

    def interrupt_on_terminal(self, after):
        """Goes on with it on a terminal, types Ctrl-C when `after` says so; gives the exit code."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.scratch)
            os.execve(self.command[0], [str(word) for word in self.command], self.cluster.environment)
        shown = b""

        def listen():
            nonlocal shown
            while select.select([terminal], [], [], 0)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    return

        def look():
            listen()
            return after()

        try:
            wait_for("the job on a terminal", 60, look)
        except Broken as broken:
            raise Broken(f"{broken}\n{shown.decode(errors='replace')}") from broken
        os.write(terminal, b"\x03")

        deadline = time.monotonic() + 60
        while True:
            listen()
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                raise Broken(f"Ctrl-C did not end the job\n{shown.decode(errors='replace')}")
            select.select([terminal], [], [], 0.2)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status)

    def files(self, of=""):
        """How many files are in the job log, or those of one host. They get there in their order, when they are committed."""
        if self.process and self.process.poll() is not None:
            raise Broken(f"the job ended with {self.process.returncode} before the faults were over:\n{self.told()}")
        lines = self.log.read_text().splitlines()[1:] if self.log.exists() else []
        return sum(line.rsplit("\t", 1)[-1].startswith(of) for line in lines)

    def goes_on(self):
        """Waits until more files are committed; gives the seconds. They are committed in order: none was lost on the way."""
        before = self.files()
        return wait_for("the job goes on", 120, lambda: self.files() > before + 3)[1]

    def told(self):
        self.said.flush()
        self.said.seek(0)
        return self.said.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
