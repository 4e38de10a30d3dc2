"""Redis with TLS, as a cluster, and behind sentinels, of the tests' own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from tests.features.rate_limit.redis_server import Server, free_port, missing, program

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE: Final = 30.0
MASTER: Final = "mymaster"


class Topology(ABC):
    """Servers, and how to reach them."""

    uri: str
    options: Mapping[str, Any] = {}
    servers: list[Server]

    @abstractmethod
    def server_of(self, namespace: str) -> Server:
        """The server that counts for a namespace."""


@contextlib.contextmanager
def started(server: Server) -> Iterator[Server]:
    server.folder.mkdir(exist_ok=True)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(Exception):  # a server that is not there yet
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TlsServer(Server):
    """Takes connections with TLS only, with a certificate that it has signed itself."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = certificate(folder)
        tls = ["--tls-cert-file", self.certificate, "--tls-key-file", self.key, "--tls-ca-cert-file", self.certificate]
        super().__init__(folder, "--port", "0", *tls, "--tls-auth-clients", "no")
        self.arguments += ("--tls-port", str(self.port))
        self.uri = f"rediss://127.0.0.1:{self.port}/0"

    def client(self) -> Any:
        import redis

        return redis.Redis("127.0.0.1", self.port, ssl=True, ssl_ca_certs=self.certificate, decode_responses=True)


def certificate(folder: Path) -> tuple[str, str]:
    """Files with a certificate for this machine and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("needs openssl, which is not installed")
    found, key = str(folder / "server.crt"), str(folder / "server.key")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", key, "-out", found, "-days", "2", "-subj", "/CN=test"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return found, key


class Tls(Topology):
    def __init__(self, server: TlsServer) -> None:
        self.servers = [server]
        self.uri = server.uri
        self.options = {"ssl_ca_certs": server.certificate}

    def server_of(self, namespace: str) -> Server:
        return self.servers[0]


@contextlib.contextmanager
def tls(folder: Path) -> Iterator[Tls]:
    with started(TlsServer(folder)) as server:
        assert isinstance(server, TlsServer)
        yield Tls(server)


class Cluster(Topology):
    """Three nodes with a third of the keys each."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        # One that is there is enough, and one that is not does no harm.
        self.uri = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{servers[1].port}"

    def server_of(self, namespace: str) -> Server:
        slot = self.servers[0].client().cluster("KEYSLOT", f"{{{namespace}}}")
        return self.servers[slot * len(self.servers) // 16384]


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            bus = str(free_port())
            enabled = ("--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
            servers.append(stack.enter_context(started(Server(folder / str(number), *enabled))))
        for number, server in enumerate(servers):
            first, end = (-(-16384 * each // len(servers)) for each in (number, number + 1))
            server.client().cluster("ADDSLOTSRANGE", first, end - 1)
            for other in servers[:number]:
                server.client().cluster("MEET", "127.0.0.1", other.port, other.arguments[3])
        found = Cluster(servers)
        wait_for(lambda: all(is_whole(server, len(servers)) for server in servers))
        yield found


def is_whole(server: Server, nodes: int) -> bool:
    info = server.client().cluster("INFO")
    return bool(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes)


class Sentinel(Server):
    """Watches a master, and names another server when it is gone."""

    def __init__(self, folder: Path, master: Server) -> None:
        super().__init__(folder)
        self.master = master
        self.uri = f"redis+sentinel://127.0.0.1:{self.port}/{MASTER}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} 1",
            f"sentinel down-after-milliseconds {MASTER} 300",
            f"sentinel failover-timeout {MASTER} 2000",
        ]
        path = self.folder / "sentinel.conf"
        path.write_text("\n".join(lines))
        silent = subprocess.DEVNULL
        self.process = subprocess.Popen([program(), str(path), "--sentinel"], stdout=silent, stderr=silent)

    @property
    def named(self) -> int:
        """The port of the master."""
        return int(self.client().sentinel_get_master_addr_by_name(MASTER)[1])


class Sentinels(Topology):
    def __init__(self, servers: list[Server], sentinel: Sentinel) -> None:
        self.servers = servers
        self.sentinel = sentinel
        self.uri = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/{MASTER}"

    def server_of(self, namespace: str) -> Server:
        return next(server for server in self.servers if server.port == self.sentinel.named)


@contextlib.contextmanager
def sentinels(folder: Path) -> Iterator[Sentinels]:
    with ExitStack() as stack:
        master = stack.enter_context(started(Server(folder / "master")))
        following = ("--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0")
        replica = stack.enter_context(started(Server(folder / "replica", *following)))
        sentinel = stack.enter_context(started(Sentinel(folder / "sentinel", master)))
        assert isinstance(sentinel, Sentinel)
        wait_for(lambda: replica.client().info("replication")["master_link_status"] == "up")
        wait_for(lambda: sentinel.named == master.port)
        wait_for(lambda: sentinel.client().sentinel_master(MASTER)["num-slaves"] == 1)
        yield Sentinels([master, replica], sentinel)


TOPOLOGIES: Final[Mapping[str, Callable[[Path], contextlib.AbstractContextManager[Topology]]]] = {
    "tls": tls,
    "cluster": cluster,
    "sentinels": sentinels,
}
