"""TLS and SASL on the worker's side that does not go through librdkafka."""

import ssl
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.types.auth import AuthProtocol, SASLMechanism

from infra.settings import Home, Settings
from infra.worker_process import run_worker
from streams.kafka.security import UnsupportedClient
from streams.kafka.settings import KafkaSettings
from streams.worker.credentials import credentials

SCRAM = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "limen", "sasl.password": "secret"}


def test_a_broker_that_asks_for_nothing_is_told_nothing() -> None:
    """No protocol, or plaintext in any case; what is not of TLS or SASL plays no part."""
    assert credentials({}) is None
    assert credentials({"security.protocol": "PLAINTEXT", "socket.keepalive.enable": True}) is None


def test_a_password_goes_with_and_without_tls() -> None:
    """Mechanism, user and password arrive; with sasl_ssl the broker's certificate and name are checked."""
    plain = credentials({"security.protocol": "sasl_plaintext", **SCRAM})
    assert isinstance(plain, faust.SASLCredentials)
    assert (plain.username, plain.password) == ("limen", "secret")
    assert (plain.mechanism, plain.protocol) == (SASLMechanism.SCRAM_SHA_512, AuthProtocol.SASL_PLAINTEXT)
    safe = credentials({"security.protocol": "SASL_SSL", **SCRAM, "ssl.ca.location": "probe"})
    assert safe.protocol is AuthProtocol.SASL_SSL
    assert (safe.ssl_context.verify_mode, safe.ssl_context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_checks_are_left_out_only_where_both_sides_do() -> None:
    """What librdkafka is told not to check, this side does not check either."""
    unnamed = credentials({"security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "none"})
    assert isinstance(unnamed, faust.SSLCredentials)
    assert (unnamed.context.verify_mode, unnamed.context.check_hostname) == (ssl.CERT_REQUIRED, False)
    unchecked = credentials({"security.protocol": "ssl", "enable.ssl.certificate.verification": False})
    assert unchecked.context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    ("client", "named"),
    [
        ({"ssl.ca.pem": "-----BEGIN"}, "ssl.ca.pem"),
        ({"ssl.keystore.location": "k.p12"}, "ssl.keystore.location"),
        ({"ssl.crl.location": "crl"}, "ssl.crl.location"),
        ({"sasl.oauthbearer.config": "x"}, "sasl.oauthbearer.config"),
        ({"security.protocol": "sasl_ssl"}, "sasl.mechanism is GSSAPI"),
        (
            {"security.protocol": "sasl_ssl", "sasl.mechanisms": "OAUTHBEARER"},
            "sasl.mechanism is OAUTHBEARER",
        ),
        ({"security.protocol": "tls"}, "security.protocol is 'tls'"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/no/such.pem"}, "/no/such.pem"),
        ({"security.protocol": "ssl", "ssl.certificate.location": "/no/client.pem"}, "/no/client.pem"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(
    client: dict[str, Any], named: str, tmp_path: Path
) -> None:
    """By its name, before the worker starts: else one half of it would connect otherwise than the other."""
    with pytest.raises(UnsupportedClient, match=named):
        credentials(client)
    with pytest.raises(UnsupportedClient, match=named):
        run_worker(Home(tmp_path), Settings(), KafkaSettings(client=client))
