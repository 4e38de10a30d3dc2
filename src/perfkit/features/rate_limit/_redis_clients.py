"""Ways to Redis: one server, a cluster, or the server that sentinels name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from perfkit.features.rate_limit._shared_backend import REDIS
from perfkit.options import BadOption

SERVER: Final = "redis://localhost:6379/0"
CLUSTER: Final = "redis+cluster://localhost:7000,localhost:7001"
SENTINELS: Final = "redis+sentinel://localhost:26379/mymaster"


class Way(Protocol):
    """Makes clients. The first of what is given is the client; the others have to be closed with it.

    Attributes:
        beginning: how many times as long as another the first trip of a client may take, as it has to ask its way.
    """

    beginning: int

    def blocking(self) -> list[Any]:
        """For threads. May ask a server."""
        ...

    def awaiting(self) -> list[Any]:
        """For the running loop of asyncio."""
        ...


def way_to(uri: str, timeout: float, arguments: Mapping[str, Any]) -> Way:
    """The way to the server of a URI.

    Args:
        uri: see `REDIS`; of a cluster and of sentinels, several hosts with commas between.
        timeout: seconds that a client for threads waits. One for a loop does not keep the time: it would take a loop
            that is late for a late server.
        arguments: more for the client.

    Raises:
        BadOption: redis-py is not installed, or cannot use the URI or the arguments.
    """
    try:
        import redis  # noqa: F401 - an extra
    except ImportError:
        raise BadOption("store", "this needs the package redis", "pip install 'perfkit[redis]'") from None
    scheme = uri.partition("://")[0]
    way = Cluster if scheme.endswith("+cluster") else Sentinels if scheme.endswith("+sentinel") else OneServer
    try:
        _check_ports(uri, way.example)
        return way(uri, timeout, arguments)
    except BadOption:
        raise
    except (TypeError, ValueError) as error:
        raise BadOption("store", str(error), f"write for example '{way.example}'") from None


def _check_ports(uri: str, example: str) -> None:
    """Check what the client would complain of with a part of the password, where that has a slash."""
    for host in urlsplit(uri).netloc.rpartition("@")[2].split(","):
        try:
            urlsplit(f"//{host}").port  # noqa: B018 - it is read there
        except ValueError:
            mend = f"write for example '{example}', with '/', '?', '#' and '@' in a password percent-encoded"
            raise BadOption("store", "its port is not a number", mend) from None


class OneServer:
    """One server, over TCP, TLS or a Unix socket."""

    example = SERVER
    beginning = 1

    def __init__(self, uri: str, timeout: float, arguments: Mapping[str, Any]) -> None:
        from redis import Redis

        scheme, _, rest = uri.partition("://")
        self._url = f"{REDIS[scheme]}://{rest}"
        self._timeout = timeout
        self._arguments = arguments
        pool = Redis.from_url(self._url, **{**_given(timeout), **arguments}).connection_pool
        pool.connection_class(**pool.connection_kwargs)  # which would otherwise fail with the first request

    def blocking(self) -> list[Any]:
        from redis import Redis

        return [Redis.from_url(self._url, **{**_given(self._timeout), "retry": _never(), **self._arguments})]

    def awaiting(self) -> list[Any]:
        from redis.asyncio import Redis

        return [Redis.from_url(self._url, **{**_given(None), "retry": _never_async(), **self._arguments})]


class Several:
    """What all with several hosts have: ``scheme://user:password@host:port,host:port/path?option=value``."""

    example: str
    port: int

    def __init__(self, uri: str, timeout: float, arguments: Mapping[str, Any]) -> None:
        from redis.connection import parse_url

        parse: Callable[[str], dict[str, Any]] = parse_url
        self._timeout = timeout
        parts = urlsplit(uri)
        user, at, hosts = parts.netloc.rpartition("@")
        self._path = parts.path.strip("/")
        self._hosts: list[tuple[str, int]] = []
        options: dict[str, Any] = {}
        for host in hosts.split(","):
            options = parse(f"redis://{user}{at}{host}?{parts.query}")
            self._hosts.append((options.pop("host", "localhost"), options.pop("port", self.port)))
        self._options = {**options, **arguments}

    def _check(self, own: frozenset[str]) -> None:
        """Check what connections are given, which is all but what is this client's own."""
        from redis import Redis

        rest = {name: value for name, value in self._options.items() if name not in own}
        pool = Redis(**{**_given(self._timeout), **rest}).connection_pool
        pool.connection_class(**pool.connection_kwargs)


class Cluster(Several):
    """A cluster, whose client finds the node that has the keys: all of a namespace are on one."""

    example = CLUSTER
    port = 6379
    beginning = 5

    def __init__(self, uri: str, timeout: float, arguments: Mapping[str, Any]) -> None:
        from redis.cluster import RedisCluster

        super().__init__(uri, timeout, arguments)
        if self._path not in ("", "0") or self._options.get("db"):
            raise BadOption("store", "a cluster has no databases", f"write for example '{CLUSTER}'")
        self._check(frozenset(signature(RedisCluster.__init__).parameters))

    def blocking(self) -> list[Any]:
        from redis.cluster import ClusterNode, RedisCluster

        return self._made(ClusterNode, RedisCluster, {**_given(self._timeout), "retry": _never()})

    def awaiting(self) -> list[Any]:
        from redis.asyncio.cluster import ClusterNode, RedisCluster

        return self._made(ClusterNode, RedisCluster, {**_given(None), "retry": _never_async()})

    def _made(self, node: Any, cluster: Any, given: dict[str, Any]) -> list[Any]:
        nodes = [node(*host) for host in self._hosts]
        return [cluster(startup_nodes=nodes, **{**given, **self._options})]


class Sentinels(Several):
    """The server that sentinels call the master of this name at the moment. User and password go for all."""

    example = SENTINELS
    port = 26379
    beginning = 3

    def __init__(self, uri: str, timeout: float, arguments: Mapping[str, Any]) -> None:
        from redis.sentinel import Sentinel

        super().__init__(uri, timeout, arguments)
        if not self._path:
            problem = "it does not say which master the sentinels are to name"
            raise BadOption("store", problem, f"write for example '{SENTINELS}'")
        self._check(frozenset(signature(Sentinel.__init__).parameters))
        self.blocking()  # connects to nobody, and checks what sentinels are given

    def blocking(self) -> list[Any]:
        from redis.sentinel import Sentinel

        return self._master(Sentinel, {**_given(self._timeout), "retry": _never()})

    def awaiting(self) -> list[Any]:
        from redis.asyncio.sentinel import Sentinel

        return self._master(Sentinel, {**_given(None), "retry": _never_async()})

    def _master(self, sentinel: Any, given: dict[str, Any]) -> list[Any]:
        options = {**given, **self._options}
        credentials = {name: options[name] for name in ("username", "password") if name in options}
        theirs = {**given, **credentials, **options.pop("sentinel_kwargs", {})}
        manager = sentinel(self._hosts, sentinel_kwargs=theirs, **options)
        return [manager.master_for(self._path), *manager.sentinels]


def _given(timeout: float | None) -> dict[str, Any]:
    """What each client is given. The second protocol needs one trip less when a connection begins."""
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "protocol": 2}


def _never() -> Any:
    """No retries, which would multiply the time that a request waits.

    Those connections that a server has closed are found and replaced before they are used.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Retry(NoBackoff(), 0)


def _never_async() -> Any:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Retry(NoBackoff(), 0)
