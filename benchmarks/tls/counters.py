"""What the proxy counts: what a client without one would spend on name look-ups, connections and handshakes."""

from __future__ import annotations

import resource


class Counters:
    """Counts of one thread. Cleared by a reset, but for what is open."""

    def __init__(self) -> None:
        self._open = 0
        self.reset()

    def reset(self) -> None:
        """Count from zero again."""
        self._connects = 0
        self._hosts: set[str] = set()
        self._handshakes = 0
        self._refused = 0
        self._most_open = self._open

    def connect(self, host: str) -> None:
        """Count a CONNECT: without a proxy it would be a TCP connection, and a name look-up before it."""
        self._connects += 1
        self._hosts.add(host)
        self._open += 1
        self._most_open = max(self._most_open, self._open)

    def ended(self) -> None:
        """Count the end of what `connect` counted."""
        self._open -= 1

    def handshake(self) -> None:
        """Count a TLS handshake that both sides completed."""
        self._handshakes += 1

    def refuse(self) -> None:
        """Count one that came to nothing: the client does not believe the certificate, or has left."""
        self._refused += 1

    def as_json(self) -> dict[str, object]:
        """Shape them for JSON, with the CPU seconds of the process so far."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "connects": self._connects,
            "hosts": sorted(self._hosts),
            "handshakes": self._handshakes,
            "refused_handshakes": self._refused,
            "most_open": self._most_open,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
