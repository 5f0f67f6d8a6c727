"""A client that speaks in pieces, and never stops listening while it does (for tests/fuzz/talk.py)."""
import re
import select
import socket
import time

from . import wire
from .chatter import MARKS, Certain, Word, cuts
from .pgweir import slowness
from .wire import ConnectionGone, RawClient

SECONDS = 5  # on a quick machine
END = re.compile(b"ZZ(IZ){%d}$" % MARKS)
END_IF_CANCELLED = re.compile(b"ZZ([IE]Z){%d}$" % MARKS)


class Speaker(RawClient):
    """Says words in pieces and keeps all that it hears; it never stops listening while it speaks."""

    def __init__(self, address, database):
        super().__init__(address, SECONDS * slowness())
        if not isinstance(address, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = self.login(user="app", database=database)
        if answer.error:
            raise AssertionError(f"log-in failed: {answer.error}")
        self.heard = []
        self.kinds = b""

    def listen(self, seconds):
        """What comes within so long."""
        if select.select([self.socket], [], [], seconds)[0]:
            self._receive()
        messages, self.unread = wire.split_messages(self.unread)
        self.heard += messages
        self.kinds += b"".join(kind for kind, _ in messages)

    def speak(self, data):
        while data:
            self.socket.setblocking(False)
            try:
                data = data[self.socket.send(data):]
            except BlockingIOError:
                pass
            except OSError as error:
                raise ConnectionGone(str(error)) from None
            finally:
                self.socket.settimeout(SECONDS * slowness())
            if data:
                self.listen(0.01)

    def listen_until(self, enough):
        deadline = time.monotonic() + SECONDS * slowness()
        while not enough():
            if time.monotonic() > deadline:
                raise AssertionError(f"no more comes behind {self.kinds[-60:]}")
            self.listen(0.5)

    def say(self, words, chance, end=END):
        """All of it, with waits and cuts by chance; it is over when the marks behind it are answered."""
        certain, data, ends = Certain(), b"", []
        for word in [*words, Word("COPY_DONE"), Word("SYNC"), Word("SYNC"), *MARKS * [Word("query", "")]]:
            certain.say(word)
            data += word.data()
            ends.append(len(data))
            if word.waits:
                self.say_pieces(data, ends, chance)
                data, ends = b"", []
                self.listen_until(lambda: certain.has_come(self.kinds))
        self.say_pieces(data, ends, chance)
        self.listen_until(lambda: end.search(re.sub(b"[SNA]", b"", self.kinds[-200:])))

    def say_pieces(self, data, ends, chance):
        pieces = cuts(chance, data, ends[:-1])
        for piece in pieces:
            self.speak(piece)
            if len(pieces) > 1 and chance.random() < 0.5:
                self.listen(0.001)
