"""As much of redis-py as docs/registry.md uses, so that its program can be run
where redis-py is not installed. It speaks RESP2 over one connection."""

import socket
from urllib.parse import urlparse


class Redis:
    @classmethod
    def from_url(cls, url, decode_responses=False):
        assert decode_responses
        return cls(urlparse(url))

    def __init__(self, url):
        self._socket = socket.create_connection((url.hostname, url.port))
        self._replies = self._socket.makefile("rb")

    def _call(self, *words):
        request = b"*%d\r\n" % len(words)
        for word in words:
            word = str(word).encode()
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        self._socket.sendall(request)
        return self._reply()

    def _reply(self):
        line = self._replies.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if int(rest) < 0:
            return None
        if kind == b"$":
            return self._replies.read(int(rest) + 2)[:-2].decode()
        return [self._reply() for _ in range(int(rest))]

    def hget(self, key, field):
        return self._call("HGET", key, field)

    def pipeline(self):
        return Pipeline(self._call)


class Pipeline:
    def __init__(self, call):
        self._call = call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("UNWATCH")

    def watch(self, key):
        self._call("WATCH", key)

    def exists(self, key):
        return self._call("EXISTS", key)

    def multi(self):
        self._call("MULTI")

    def xadd(self, key, fields, maxlen):
        pairs = [word for pair in fields.items() for word in pair]
        self._call("XADD", key, "MAXLEN", "~", maxlen, "*", *pairs)

    def hset(self, key, mapping):
        self._call("HSET", key, *[word for pair in mapping.items() for word in pair])

    def sadd(self, key, member):
        self._call("SADD", key, member)

    def set(self, key, value):
        self._call("SET", key, value)

    def execute(self):
        if self._call("EXEC") is None:
            raise RuntimeError("WatchError")
