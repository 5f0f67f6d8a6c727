"""A free TCP port on the loopback address, below the range that outgoing connections use."""
import os
import random
import socket

FIRST, LAST = 15000, 32000
_given = set()
_random = random.Random(os.getpid())


def free_port():
    """A port that nobody listens on now and that this process has not given out yet."""
    while True:
        port = _random.randrange(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
