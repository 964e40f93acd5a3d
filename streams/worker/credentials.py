"""TLS and SASL for the worker's consumer: what librdkafka is told, told to Faust, or refused.

A worker reads through aiokafka and writes through librdkafka. What one honours, the other must not pass
over in silence.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import faust

_PROTOCOLS: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SECURITY: Final = ("ssl.", "sasl.", "enable.ssl.", "enable.sasl.", "https.", "security.")
_HONOURED: Final = frozenset(
    {
        "enable.ssl.certificate.verification", "sasl.mechanism", "sasl.mechanisms", "sasl.password",
        "sasl.username", "security.protocol", "ssl.ca.location", "ssl.certificate.location",
        "ssl.endpoint.identification.algorithm", "ssl.key.location", "ssl.key.password",
    }
)  # fmt: skip


class UnsupportedClient(ValueError):
    """Settings of [kafka.client] that the worker's consumer cannot honour."""


def credentials(client: Mapping[str, Any]) -> Any:
    """Return Faust's credentials for librdkafka's settings, None for a broker that asks for none.

    Raises:
        UnsupportedClient: it cannot be done as they say; the message names the setting.
    """
    unknown = sorted(key for key in client if key.startswith(_SECURITY) and key not in _HONOURED)
    if unknown:
        raise UnsupportedClient(
            f"[kafka.client] {', '.join(unknown)}: a worker cannot honour this, for it consumes through "
            f"aiokafka; of TLS and SASL it knows {', '.join(sorted(_HONOURED))}"
        )
    protocol = str(client.get("security.protocol", "plaintext")).lower()
    if protocol not in _PROTOCOLS:
        raise UnsupportedClient(
            f"[kafka.client] security.protocol is {protocol!r}; it is one of {', '.join(_PROTOCOLS)}"
        )
    context = _context(client) if protocol.endswith("ssl") else None
    if not protocol.startswith("sasl"):
        return None if context is None else faust.SSLCredentials(context)
    mechanism = str(client.get("sasl.mechanism") or client.get("sasl.mechanisms") or "GSSAPI")
    if mechanism not in _MECHANISMS:
        raise UnsupportedClient(
            f"[kafka.client] sasl.mechanism is {mechanism}; a worker knows {', '.join(_MECHANISMS)}"
        )
    return faust.SASLCredentials(
        username=client.get("sasl.username"),
        password=client.get("sasl.password"),
        mechanism=mechanism,
        ssl_context=context,
    )


def _context(client: Mapping[str, Any]) -> ssl.SSLContext:
    place = client.get("ssl.ca.location")
    trusted = None if place in (None, "probe") else Path(str(place))
    certificate = client.get("ssl.certificate.location")
    try:
        context = (
            ssl.create_default_context(capath=str(trusted))
            if trusted is not None and trusted.is_dir()
            else ssl.create_default_context(cafile=None if trusted is None else str(trusted))
        )
        if certificate is not None:
            context.load_cert_chain(
                str(certificate), client.get("ssl.key.location"), client.get("ssl.key.password") or ""
            )
    except OSError as error:
        raise UnsupportedClient(
            f"[kafka.client] ssl.ca.location {place}, ssl.certificate.location {certificate}, "
            f"ssl.key.location {client.get('ssl.key.location')}: {error.strerror or error}"
        ) from error
    if _is(client, "ssl.endpoint.identification.algorithm", "none"):
        context.check_hostname = False
    if _is(client, "enable.ssl.certificate.verification", "false"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is(client: Mapping[str, Any], key: str, value: str) -> bool:
    return str(client.get(key, "")).lower() == value
