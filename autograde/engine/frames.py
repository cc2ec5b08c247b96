"""Frames over a socket: 8 bytes of length, then the payload, with a deadline on every wait and a limit on
every size."""

from __future__ import annotations

import select
import struct
import time

DEFAULT_MESSAGE_BYTES = 64 * 2**20
LARGE = 1 << 16  # from this size on, bytes are not copied for convenience
_LENGTH = struct.Struct("<Q")


class WireError(Exception):
    """The peer sent what the protocol does not allow."""


class WireClosed(WireError):
    """The peer is gone."""


class WireTimeout(WireError):
    """The peer did not answer before the deadline."""


class Unsendable(TypeError):
    """A value of a kind that cannot cross; the message says which and what to use instead."""


class Channel:
    """Frames (8 bytes of length, then the payload) over a connected stream socket, with a deadline on every
    wait.

    `deadline` is a `time.monotonic()` value, or None to wait for ever. A frame above `limit` bytes is a
    `WireError`; memory grows with the bytes that arrive, not with the length that the peer announces.
    """

    def __init__(self, sock, limit=DEFAULT_MESSAGE_BYTES):
        sock.setblocking(False)
        self.sock = sock
        self.limit = limit
        self._spare = bytearray()  # arrived, and not yet part of a frame that was taken
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)

    @staticmethod
    def _wait(poll, deadline, late):
        if deadline is None:
            poll.poll()
            return
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000 + 1):
            raise WireTimeout(late)

    def send(self, payload, deadline=None):
        if len(payload) > self.limit:
            raise Unsendable(
                f"the values take {len(payload):,} bytes; at most {self.limit:,} can be passed at once"
            )
        length = _LENGTH.pack(len(payload))
        if len(payload) < LARGE:
            self._send(length + payload, deadline)
        else:
            self._send(length, deadline)
            self._send(payload, deadline)

    def _send(self, data, deadline):
        try:
            while True:
                try:
                    sent = self.sock.send(data)
                except BlockingIOError:
                    writable = select.poll()
                    writable.register(self.sock, select.POLLOUT)
                    self._wait(writable, deadline, "the other side does not read")
                    continue
                if sent == len(data):
                    return
                data = memoryview(data)[sent:]
        except OSError as problem:
            raise WireClosed(str(problem)) from None

    def receive(self, deadline=None):
        spare = self._spare
        while len(spare) < 8:
            spare += self._piece(LARGE, deadline)
        (length,) = _LENGTH.unpack_from(spare)
        if length > self.limit:
            raise WireError(f"a frame of {length:,} bytes is announced; at most {self.limit:,} are allowed")
        end = 8 + length
        if length < LARGE:
            while len(spare) < end:
                spare += self._piece(LARGE, deadline)
            payload = bytes(spare[8:end])
        else:
            pieces = [spare[8:end]]
            left = length - len(pieces[0])
            while left:
                pieces.append(self._piece(min(left, 4 * LARGE), deadline))
                left -= len(pieces[-1])
            payload = b"".join(pieces)
        del spare[:end]
        return payload

    def _piece(self, most, deadline):
        """Up to so many bytes, at least one, as they arrive."""
        while True:
            try:
                self._wait(self._readable, deadline, "no answer in time")
                # not into a buffer kept for this, which would be pages to touch in every fork
                piece = self.sock.recv(most)
            except BlockingIOError:
                continue
            except OSError as problem:
                raise WireClosed(str(problem)) from None
            if not piece:
                raise WireClosed("the other side has closed the channel")
            return piece

    def close(self):
        self.sock.close()
