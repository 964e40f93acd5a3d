"""TLS and SASL for Faust."""

from collections.abc import Mapping
from typing import Any

import faust

from streams.kafka.security import security


def credentials(client: Mapping[str, Any]) -> Any:
    """Return Faust's credentials for librdkafka's settings, None for a broker that asks for none.

    Raises:
        UnsupportedClient: it cannot be done as they say; the message names the setting.
    """
    said = security(client)
    if said.mechanism is not None:
        return faust.SASLCredentials(
            username=said.username,
            password=said.password,
            mechanism=said.mechanism,
            ssl_context=said.context,
        )
    return None if said.context is None else faust.SSLCredentials(said.context)
