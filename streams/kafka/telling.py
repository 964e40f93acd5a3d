"""Telling the sites: signals go into the signals log, and a call returns when they are durable."""

from collections.abc import Sequence

from domain.signal import Signal, write_signal
from streams.kafka.producer import Refusal, Sent, SignalProducer
from streams.kafka.settings import KafkaSettings
from streams.log import Draft, LogCorrupt, LogUnavailable


class Telling:
    """Writes signals to their sites. What was written in part may be written again. For one thread."""

    def __init__(self, settings: KafkaSettings, given_up_seconds: float = 0) -> None:
        """Make one that connects when it is used.

        Args:
            settings: where Kafka is.
            given_up_seconds: what could not be sent after so long is thrown away, even if this process stood
                still in between; 0: the calls decide.
        """
        self._settings, self._given_up_seconds = settings, given_up_seconds
        self._producer: SignalProducer | None = None
        self._refused: list[str] = []
        self._sent: list[Sent] = []

    def __call__(self, signals: Sequence[Signal]) -> Sequence[Sent]:
        """Write signals, and return where they stand when all of them are durable.

        Raises:
            LogUnavailable: not all of them are; call again with the same.
            LogCorrupt: the log will never take one of them: a mistake of ours, or settings that do not fit.
        """
        return self.write([Draft(signal.id, signal.site, write_signal(signal)) for signal in signals])

    def write(self, signals: Sequence[Draft]) -> Sequence[Sent]:
        """Do the same with signals that are bytes already; raises the same."""
        producer = self._producer or SignalProducer(self._settings, self._settled, self._given_up_seconds)
        self._producer = None
        self._sent, self._refused = [], []
        try:
            for signal in signals:
                producer.send(signal)
            left = producer.flush(self._settings.wait_seconds)
        except LogUnavailable:
            producer.close()
            raise
        if left:
            producer.close()
            raise LogUnavailable(
                f"Kafka at {self._settings.bootstrap_servers}: {left} of {len(signals)} signals have not "
                f"been taken within {self._settings.wait_seconds:g} s"
            )
        if self._refused:
            producer.close()
            raise LogCorrupt(self._refused[0])
        self._producer = producer
        return self._sent

    def close(self) -> None:
        """Let go of the broker; closing twice is harmless."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _settled(self, signal: Draft, outcome: Sent | Refusal) -> None:
        if isinstance(outcome, Refusal):
            self._refused.append(f"a signal for site {signal.site}: {outcome.detail}")
        else:
            self._sent.append(outcome)
