"""The command about decisions on Kafka: relay."""

from infra.commands.asking import settings_of
from infra.commands.options import DEFAULT_HOME, HomeOption


def relay(home: HomeOption = DEFAULT_HOME) -> None:
    """Decide the commands in Kafka, and tell the log what was decided. SIGTERM or Ctrl-C drains.

    Of the home only limen.toml is read, if it is there: the tables [kafka] and [postgres]. Any number of
    these processes share the partitions.
    """
    from infra.relay_process import run_relay

    settings = settings_of(home)
    run_relay(settings, settings.kafka.client_settings())
