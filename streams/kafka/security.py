"""TLS and SASL for aiokafka: what librdkafka is told, told to it, or refused.

Workers and replays read through aiokafka, everything else goes through librdkafka. What one honours, the
other must not pass over in silence.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

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
    """Settings of [kafka.client] that aiokafka cannot honour."""


class Security(NamedTuple):
    """How a broker is spoken to; `context` is None without TLS, the others are None without SASL."""

    context: ssl.SSLContext | None = None
    mechanism: str | None = None
    username: str | None = None
    password: str | None = None

    def told_to_aiokafka(self) -> dict[str, Any]:
        """Return the arguments of a client of aiokafka."""
        told: dict[str, Any] = {"ssl_context": self.context}
        protocol = "SSL" if self.context is not None else "PLAINTEXT"
        if self.mechanism is not None:
            told |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
            protocol = f"SASL_{protocol}"
        return told | {"security_protocol": protocol}


def security(client: Mapping[str, Any]) -> Security:
    """Return what librdkafka's settings say.

    Raises:
        UnsupportedClient: it cannot be done as they say; the message names the setting.
    """
    unknown = sorted(key for key in client if key.startswith(_SECURITY) and key not in _HONOURED)
    if unknown:
        raise UnsupportedClient(
            f"[kafka.client] {', '.join(unknown)}: workers and replays cannot honour this, for they read "
            f"through aiokafka; of TLS and SASL it knows {', '.join(sorted(_HONOURED))}"
        )
    protocol = str(client.get("security.protocol", "plaintext")).lower()
    if protocol not in _PROTOCOLS:
        raise UnsupportedClient(
            f"[kafka.client] security.protocol is {protocol!r}; it is one of {', '.join(_PROTOCOLS)}"
        )
    context = _context(client) if protocol.endswith("ssl") else None
    if not protocol.startswith("sasl"):
        return Security(context)
    mechanism = str(client.get("sasl.mechanism") or client.get("sasl.mechanisms") or "GSSAPI")
    if mechanism not in _MECHANISMS:
        raise UnsupportedClient(
            f"[kafka.client] sasl.mechanism is {mechanism}; workers and replays know {', '.join(_MECHANISMS)}"
        )
    return Security(context, mechanism, client.get("sasl.username"), client.get("sasl.password"))


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
