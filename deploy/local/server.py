"""What one can do to a server, whichever way it was started."""

from typing import Protocol

from deploy.local.addresses import Report


class Server(Protocol):
    """Kafka or Redis as something to start and stop; tests and the demo break it on purpose."""

    def start(self, report: Report) -> None:
        """Start it on its known port, with its data, and return when it answers. Running already is fine."""

    def stop(self) -> bool:
        """End it in good order; whether it was running."""

    def kill(self) -> None:
        """End it at once, as a crash would."""

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""

    def resume(self) -> None:
        """Let it run on after `pause`."""

    def runs(self) -> bool:
        """Whether it is there at all, answering or not; it then holds its ports."""

    def answers(self) -> bool:
        """Whether it runs and answers its clients."""
