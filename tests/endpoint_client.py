"""Asking a process's endpoints, as Prometheus and Kubernetes do."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a process serves its endpoints."""

    port: int

    @classmethod
    def told_in(cls, said: str) -> "Endpoint | None":
        """Return the one a process named in its log lines last, None before it did."""
        lines = [
            json.loads(line) for line in said.splitlines() if line.startswith('{"') and line.endswith("}")
        ]
        return next((cls(line["port"]) for line in reversed(lines) if line["event"] == "endpoints"), None)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def waiting_for(self) -> dict[str, str]:
        """Return what the process waits for; nothing where it is ready."""
        status, body = self.get("/readyz")
        told: dict[str, Any] = json.loads(body)
        assert (status == 200) is told["ok"] is (not told["waiting_for"])
        waiting: dict[str, str] = told["waiting_for"]
        return waiting

    def is_live(self) -> bool:
        """Return whether it goes on."""
        return self.get("/livez")[0] == 200

    def metric(self, name: str, **labels: str) -> float | None:
        """Return a metric's value, summed over the labels that are not given; None where there is none."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None
