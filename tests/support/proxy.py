"""A network that stalls, resets and cuts: a TCP proxy that does so at random, as its seed says, until it is told to be calm."""
import random
import socket
import struct
import threading
import time

from .ports import free_port


class Proxy:
    """Listens on a port of its own; every connection is passed on to `target`."""

    def __init__(self, target, seed, worst=0.02):
        self.target, self.worst = target, worst
        self.chance = random.Random(seed)
        self.faults = 0
        self.is_calm = False
        self.host, self.port = "127.0.0.1", free_port()
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def calm(self):
        self.is_calm = True

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _fate(self):
        """What happens to these bytes: "pass" mostly."""
        with self._lock:
            if self.is_calm or self.chance.random() >= self.worst:
                return "pass"
            self.faults += 1
            return self.chance.choice(("stall", "stall", "reset", "cut"))

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                fate = self._fate()
                if fate == "stall":
                    time.sleep(0.1)
                elif fate == "cut":
                    sink.sendall(data[:len(data) // 2])
                    break
                elif fate == "reset":
                    for end in (source, sink):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
