"""A Redis and a worker beside the bench, on this machine: what a run over Redis is measured with."""
import os, shutil, socket, subprocess, tempfile, time


class Cluster:
    """A `redis-server` on a free port, and one `sheaf-worker` with two slots; both end with the `with` block."""

    def __init__(self, sheaf):
        self.worker_binary = os.path.join(os.path.dirname(sheaf), "sheaf-worker")

    @staticmethod
    def is_possible():
        return bool(shutil.which("redis-server"))

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="sheaf-bench-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        quiet = dict(cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.server = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy",
             "noeviction"], **quiet)
        deadline = time.monotonic() + 20
        while self.ask("PING") != "+PONG":
            if time.monotonic() > deadline:
                raise RuntimeError("redis-server does not come up")
            time.sleep(0.02)
        self.worker = subprocess.Popen([self.worker_binary, "--redis", self.url, "-p", "2"], **quiet)
        return self

    def __exit__(self, *_):
        for process in (self.worker, self.server):
            process.terminate()
            process.wait(60)
        shutil.rmtree(self.folder)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def ask(self, command):
        """The answer to a command of one line, as the protocol has it; empty while nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(command.encode() + b"\r\n")
                answer = connection.recv(1 << 16).decode()
                if answer.startswith("$"):
                    head, _, body = answer.partition("\r\n")
                    while len(body) < int(head[1:]):
                        body += connection.recv(1 << 16).decode()
                    return body
                return answer.strip()
        except OSError:
            return ""

    def figures(self):
        """Redis' memory peak in bytes, and its processor time in seconds."""
        info = dict(line.split(":", 1) for line in (self.ask("INFO memory") + self.ask("INFO cpu")).splitlines() if ":" in line)
        return int(info["used_memory_peak"]), float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
