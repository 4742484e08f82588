"""The scripts of deploy/ and the engine, as the engine test uses them: one cluster of its own, gone when it ends."""
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent.parent
LEASE = 3
# What SHEAF_REDIS_BYTES says of the compose file's servers for bytes.
BYTES = "redis://bytes-1,redis://bytes-2,redis://bytes-3"


class Broken(Exception):
    """What was expected did not come."""


def call(*command, check=True, **options):
    """Runs a command to its end; its output comes back as text."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)
    if check and done.returncode != 0:
        raise Broken(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def docker(*command, check=True):
    return call("docker", *command, check=check).stdout.strip()


def wait_for(what, seconds, look):
    """Looks until something is seen, and gives it with the seconds that it took."""
    start = time.monotonic()
    while not (seen := look()):
        if time.monotonic() - start > seconds:
            raise Broken(f"{what}: not within {seconds} s; seen last: {seen!r}")
        time.sleep(0.2)
    return seen, time.monotonic() - start


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Cluster:
    def __init__(self, scratch):
        self.port = free_port()
        self.project = f"sheaf-test-{os.getpid()}"
        self.image = f"{self.project}:latest"
        self.scratch, self.secrets = scratch, scratch / "secrets"
        # Whoever calls the test as root stands for a user who calls the scripts by sudo.
        self.user = (os.getuid(), os.getgid()) if os.getuid() else (4321, 4321)
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project,
            "SHEAF_IMAGE": self.image,
            "SHEAF_SECRETS": str(self.secrets),
            "SHEAF_LEASE": f"{LEASE}s",
            "SHEAF_REVISION": f"{self.project}-first",
            "SHEAF_PORT": str(self.port),
            "SUDO_UID": str(self.user[0]),
            "SUDO_GID": str(self.user[1]),
            # So little that tasks are of 1 MiB: on such a slice of the processor, one of 5 MB takes half a minute.
            "SHEAF_REDIS_BUDGET": "20MiB",
            # So slow that all the faults fall into the job; `hurry` ends that.
            "WORKER_CPUS": "0.04",
        }

    def script(self, name, *words):
        return call(DEPLOY / name, *words, env=self.environment, cwd=self.scratch)

    def up(self, workers):
        self.script("up", workers)

    def containers(self, service, *more):
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        return docker("ps", "--quiet", *filters, *more).split()

    def workers(self, *more):
        return self.containers("worker", *more)

    def redis(self):
        return self.containers("redis", "--all")[0]

    def bytes(self):
        """The servers for bytes, if there are any."""
        return [server for number in (1, 2, 3) for server in self.containers(f"bytes-{number}", "--all")]

    def service(self):
        return self.containers("serve", "--all")[0]

    def token(self, name="SHEAF_TOKEN"):
        lines = (self.secrets / "service.env").read_text().splitlines()
        return next(line.split("=", 1)[1] for line in lines if line.startswith(f"{name}="))

    def ask(self, path, token=None, method="GET"):
        """What the service answers on the machine's loopback: status and text."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def network(self, name="queue"):
        return f"{self.project}_{name}"

    def registry(self):
        """What `sheaf workers` tells, by the container's short id (its host name)."""
        lines = self.script("sheaf", "workers", "--json").stdout.splitlines()
        return {worker["host"]: worker for worker in map(json.loads, lines)}

    def hurry(self):
        docker("update", "--cpus", "2", *self.workers())

    def remove(self):
        """Removes all that has the project's name."""
        named = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        for ids, *command in [
            (docker("ps", "--all", *named), "rm", "--force", "--volumes"),
            (docker("network", "ls", *named), "network", "rm"),
            (docker("volume", "ls", *named), "volume", "rm"),
        ]:
            if ids:
                docker(*command, *ids.split(), check=False)
        for revision in ("first", "second"):
            label = f"label=org.opencontainers.image.revision={self.project}-{revision}"
            if images := docker("image", "ls", "--quiet", "--filter", label):
                docker("image", "rm", "--force", *images.split(), check=False)

    def left(self):
        """What there is of the project."""
        named = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        return docker("ps", "--all", *named) + docker("network", "ls", *named)


def network_bytes(container):
    """What came in and went out by the container's network."""
    for line in docker("exec", container, "cat", "/proc/net/dev").splitlines():
        if "eth0:" in line:
            numbers = line.split(":")[1].split()
            return int(numbers[0]), int(numbers[8])
    return 0, 0


def inspect(container, template):
    return docker("inspect", "--format", template, container)


def health(container):
    return inspect(container, "{{.State.Health.Status}}")
