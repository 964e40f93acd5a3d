"""The command that compares sites: cross-site."""

from infra.commands.asking import settings_of
from infra.commands.options import DEFAULT_HOME, HomeOption


def cross_site(home: HomeOption = DEFAULT_HOME) -> None:
    """Compare what the sites say of one card or person, and tell each site concerned.

    SIGTERM or Ctrl-C drains.
    """
    from infra.cross_site_process import run_cross_site

    settings = settings_of(home)
    run_cross_site(settings, settings.kafka.client_settings())
