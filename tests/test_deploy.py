"""The deployment files: valid by the schemas of those who read them, and true to the program.

What is not checked here: that the images can be pulled and the whole starts; that needs a container engine.
"""

import json
import math
import re
import tomllib
import warnings
from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import typer.main
import yaml

from infra.cli import app
from infra.settings import Home, Settings
from infra.settings_file import load_settings
from projections.client import open_history
from projections.reader import reader_sql
from streams.kafka.settings import QUEUED_KILOBYTES

DEPLOY = Path(str(resources.files("infra"))) / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OPERATIONS = Path(__file__).parents[1] / "docs" / "operations.md"

# Megabytes, as docs/operations.md counts them under Sizing, with the settings that they were counted with.
SINK, SINK_WRITER, SINK_READERS, SINK_AHEAD = 300, 100, 30, 30  # the last two for a partition and a log of it
SINK_ROWS, FETCHED_KILOBYTES = 50_000, 8_192
WORKER, WORKER_READER, WORKER_WAITING = 2_000, 25, 15  # the last for a partition
WORKER_SIGNALS = 10_000
LOGS = 2


def compose() -> dict[str, Any]:
    """Return the compose file as its anchors and merges make it."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def objects() -> list[dict[str, Any]]:
    """Return every Kubernetes object but kustomize's own file."""
    documents = [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]
    return [document for document in documents if document["kind"] != "Kustomization"]


def on_one_machine() -> Settings:
    """Return the settings of the compose file's processes."""
    return Settings.model_validate(tomllib.loads((DEPLOY / "limen.toml").read_text()))


def in_cluster() -> Settings:
    """Return the settings of the manifests' processes."""
    (kept,) = (one for one in objects() if one["kind"] == "ConfigMap")
    return Settings.model_validate(tomllib.loads(kept["data"]["limen.toml"]))


def containers(*kinds: str) -> list[dict[str, Any]]:
    """Return every container of every pod; of these kinds, if any are given."""
    pods = [one["spec"]["template"]["spec"] for one in objects() if "template" in one.get("spec", {})]
    return [container for pod in pods for kind in kinds or ["containers"] for container in pod.get(kind, ())]


def test_the_compose_file_fits_its_schema() -> None:
    """What docker compose would refuse, its published schema refuses here."""
    schema = json.loads((Path(__file__).parent / "data" / "compose-spec.json").read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the schema names a metaschema by another URL
        jsonschema.Draft7Validator(schema).validate(compose())
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft7Validator(schema).validate(compose() | {"services": {"kafka": {"imag": "x"}}})


def test_everything_the_compose_file_names_is_in_it() -> None:
    """Dependencies, volumes and configurations are declared; what is mounted lies beside it."""
    whole = compose()
    services = whole["services"]
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            assert other in services, name
            if condition["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], other
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in whole["volumes"], name
        for config in service.get("configs", []):
            assert config["source"] in whole["configs"], name
    for config in whole["configs"].values():
        assert (DEPLOY / config["file"]).is_file()
    assert (DEPLOY / "../.." / "infra/deploy/Dockerfile").is_file()


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_fits_the_schemas_of_kubernetes(path: Path) -> None:
    """Every object of every file is one that the newest Kubernetes takes, with no field it does not know."""
    for document in yaml.safe_load_all(path.read_text()):
        if document["kind"] == "Kustomization":
            named = {DEPLOY / "kubernetes" / name for name in document["resources"]}
            assert named == set(MANIFESTS) - {path}
        else:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_every_process_can_be_probed_and_is_bounded() -> None:
    """A process that stays has probes on a port it opens; every container is bounded, without privileges."""
    for container in containers("containers", "initContainers"):
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    jobs = {one["metadata"]["name"] for one in objects() if one["kind"] == "Job"}
    assert jobs == {"topics", "reader"}
    for container in containers():
        if container["name"] in jobs:
            continue
        ports = {port["name"] for port in container["ports"]}
        for probe, path in (("startup", "/livez"), ("readiness", "/readyz"), ("liveness", "/livez")):
            asked = container[f"{probe}Probe"]["httpGet"]
            assert (asked["path"], asked["port"] in ports) == (path, True)


def sink_megabytes(settings: Settings, partitions: int) -> float:
    """Return what a sink needs that has so many partitions, all of them behind."""
    of_batch = settings.clickhouse.batch_rows / SINK_ROWS
    readers = SINK_READERS * QUEUED_KILOBYTES / FETCHED_KILOBYTES
    writers = settings.clickhouse.writers * SINK_WRITER * of_batch
    return SINK + writers + partitions * (readers + LOGS * SINK_AHEAD * of_batch)


def worker_megabytes(settings: Settings, partitions: int) -> float:
    """Return what a worker needs that has so many partitions of a few hundred sites, all of them behind."""
    readers = settings.worker.threads * WORKER_READER * QUEUED_KILOBYTES / FETCHED_KILOBYTES
    return WORKER + readers + partitions * WORKER_WAITING * settings.worker.batch_signals / WORKER_SIGNALS


@pytest.mark.parametrize(("name", "megabytes"), [("sink", sink_megabytes), ("worker", worker_megabytes)])
def test_those_that_are_left_have_the_memory_for_every_partition(
    name: str, megabytes: Callable[[Settings, int], float]
) -> None:
    """One of several is gone, and all partitions are behind: each of the others stays below its limit."""
    settings = in_cluster()
    (several,) = (one for one in objects() if (one["kind"], one["metadata"]["name"]) == ("Deployment", name))
    (container,) = several["spec"]["template"]["spec"]["containers"]
    limit = container["resources"]["limits"]["memory"]
    share = math.ceil(settings.kafka.partitions / (several["spec"]["replicas"] - 1))
    assert megabytes(settings, share) * 1_000**2 <= int(limit.removesuffix("Gi")) * 1_024**3
    assert container["resources"]["requests"]["memory"] == limit, "a node would not have what it may need"


def test_the_page_counts_memory_likewise() -> None:
    """What docs/operations.md comes to, for compose and for a cluster, is what the tests come to."""
    page = " ".join(OPERATIONS.read_text().split())
    one, many = on_one_machine(), in_cluster()
    assert (one.kafka.partitions, many.kafka.partitions) == (12, 96)
    for said, megabytes in (
        ("all of 12 partitions behind needs", sink_megabytes(one, 12)),
        ("has 32, and with all of them behind needs", sink_megabytes(many, 32)),
        ("and the 32 partitions of each other one behind, that is", worker_megabytes(many, 32) - WORKER),
    ):
        assert f"{said} {megabytes / 1_000:.1f} GB" in page


def test_the_file_a_connector_follows_is_there_on_a_new_volume() -> None:
    """A volume that is made anew begins as what the image holds."""
    followed = compose()["services"]["connect"]["command"][-1]
    image = (DEPLOY / "Dockerfile").read_text()
    assert f"""touch "{followed.replace("/var/lib/limen/home", "$LIMEN_HOME")}\"""" in image


def test_the_commands_are_ours() -> None:
    """What the containers run, the command line knows."""
    run = [container["args"] for container in containers()]
    run += [service["command"] for service in compose()["services"].values() if "command" in service]
    assert {arguments[0] for arguments in run} <= COMMANDS.keys()
    assert {"connect", "worker", "sink", "cross-site", "relay", "topics", "history"} <= {
        arguments[0] for arguments in run
    }


def test_the_settings_are_ours() -> None:
    """Both limen.toml are read without complaint."""
    for settings in (on_one_machine(), in_cluster()):
        assert settings != Settings()


class Asked(dict[str, str]):
    """An environment with nothing in it, that keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return False


def variables(home: Path) -> set[str]:
    """Return the variables that the program looks at: as settings, as options, and here and there."""
    asked = Asked()
    load_settings(Home(home), asked)
    groups: list[Any] = [typer.main.get_command(app)]
    options: set[str] = set()
    while groups:
        command = groups.pop()
        groups += getattr(command, "commands", {}).values()
        options |= {one.envvar for one in command.params if one.envvar}
    sources = [path.read_text() for path in DEPLOY.parent.rglob("*.py")]
    read = {name for text in sources for name in re.findall(r'environ(?:\.get\(|\[)"(LIMEN_\w+)"', text)}
    assert asked.names and options and read
    return asked.names | options | read


def test_every_variable_is_one_that_is_looked_at(tmp_path: Path) -> None:
    """What deployment files and papers name, the program reads, and our containers get nothing else."""
    root = OPERATIONS.parents[1]
    papers = [*DEPLOY.rglob("*"), *root.glob("README*.md"), *OPERATIONS.parent.rglob("*.md")]
    read = variables(tmp_path)
    for path in (path for path in papers if path.is_file()):
        named = set(re.findall(r"LIMEN_\w+", path.read_text(encoding="utf-8")))
        assert named <= read, f"{path.name}: {named - read}"
    for name, service in compose()["services"].items():
        if service["image"] == compose()["x-limen"]["image"]:
            assert service["environment"].keys() <= read, name


def test_the_sinks_of_a_cluster_ask_one_server_of_it() -> None:
    """They are given the name of a set's pod: behind a service's, claims may not be where they are read."""
    server = in_cluster().clickhouse
    assert server.cluster is not None
    pod, _, service = str(urlsplit(server.url).hostname).partition(".")
    assert re.fullmatch(rf"{re.escape(service)}-\d+", pod)


def test_versions_agree() -> None:
    """The image of every process is that of this version, and its Python is one we run on."""
    version = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["version"]
    images = {container["image"] for container in containers("containers", "initContainers")} | {
        compose()["x-limen"]["image"]
    }
    assert images == {f"limen:{version}"}
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"python:3.12-slim"}


def test_the_image_holds_every_package() -> None:
    """The Dockerfile copies each package that the distribution is made of."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for package in project["tool"]["uv"]["build-backend"]["module-name"]:
        assert f"COPY {package} {package}\n" in dockerfile


def test_what_is_mounted_is_where_it_is_written() -> None:
    """Bundles of defects and a connector's spool outlive their containers."""
    image = (DEPLOY / "Dockerfile").read_text()
    home = Path(re.findall(r"LIMEN_HOME=(\S+)", image)[0])
    services = compose()["services"]
    (bundles,) = services["worker"]["volumes"]
    assert bundles == f"worker:{home / 'defects'}"
    (spool,) = services["connect"]["volumes"]
    assert spool == f"connect:{Home(home).spool.parent}"
    pods = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in objects() if "spec" in one and
            "template" in one["spec"]}  # fmt: skip
    (worker,) = pods["worker"]["containers"]
    assert str(home / "defects") in {mount["mountPath"] for mount in worker["volumeMounts"]}
    (connector,) = (one for one in objects() if one["kind"] == "StatefulSet")
    (claim,) = connector["spec"]["volumeClaimTemplates"]
    (container,), (before,) = (pods["connect"][kind] for kind in ("containers", "initContainers"))
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounted[str(Home(home).spool.parent)] == claim["metadata"]["name"]
    assert before["volumeMounts"][0] in container["volumeMounts"]
    assert before["command"][-1] == container["args"][-1], "the file is there before it is followed"
    gigabytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert gigabytes * 1_000 > Settings().spool_limit_megabytes


def test_what_belongs_together_is_found() -> None:
    """A set's selector fits its pods, and a set with volumes of its own has the service that it names."""
    services = {one["metadata"]["name"]: one["spec"] for one in objects() if one["kind"] == "Service"}
    for one in objects():
        if one["kind"] in ("Deployment", "StatefulSet"):
            selected = one["spec"]["selector"]["matchLabels"]
            assert selected.items() <= one["spec"]["template"]["metadata"]["labels"].items()
        if one["kind"] == "StatefulSet":
            service = services[one["spec"]["serviceName"]]
            assert service["selector"] == one["spec"]["selector"]["matchLabels"]
            assert service["clusterIP"] == "None"


def test_the_image_compiles_by_the_name_of_what_does() -> None:
    """What the Dockerfile runs to compile the rules is there."""
    run = re.findall(r"python -m (\S+)", (DEPLOY / "Dockerfile").read_text())
    assert "infra.warming" in run
    assert find_spec("infra.warming") is not None


def test_grafana_asks_the_server_as_the_reader() -> None:
    """Its data source lies where Grafana looks, and names the server, port and user that there are."""
    services = compose()["services"]
    (mounted,) = services["grafana"]["configs"]
    assert (mounted["target"], mounted["mode"]) == ("/etc/grafana/provisioning/datasources/limen.yaml", 0o444)
    (source,) = yaml.safe_load((DEPLOY / compose()["configs"][mounted["source"]]["file"]).read_text())[
        "datasources"
    ]
    assert source["type"] == services["grafana"]["environment"]["GF_INSTALL_PLUGINS"]
    asked = source["jsonData"]
    server = urlsplit(on_one_machine().clickhouse.url)
    assert (asked["protocol"], asked["host"], asked["port"]) == (server.scheme, server.hostname, server.port)
    profile, _, grant, user = reader_sql()
    assert f"CREATE USER OR REPLACE {asked['username']} " in user
    assert f"DEFAULT DATABASE {asked['defaultDatabase']}\n" in user
    assert f"GRANT SELECT ON {asked['defaultDatabase']}.* " in grant
    most = int(re.findall(r"max_execution_time = (\d+)", profile)[0])
    assert all(int(asked[name]) + 5 <= most for name in ("dialTimeout", "queryTimeout"))
    variable = "LIMEN_CLICKHOUSE_READER_PASSWORD"
    assert source["secureJsonData"] == {"password": f"${variable}"}
    (password,) = (one for one in COMMANDS["history"].commands["reader"].params if one.name == "password")
    assert password.envvar == variable
    assert services["grafana"]["depends_on"]["reader"] == {"condition": "service_completed_successfully"}
    assert services["reader"]["command"] == ["history", "reader"]
    given = services["grafana"]["environment"][variable]
    assert services["reader"]["environment"][variable] == given


def test_no_password_is_written_down() -> None:
    """Every password of the compose file comes from outside, and one that is missing stops the start."""
    passwords = {
        value
        for service in compose()["services"].values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name
    }
    assert len(passwords) >= 4
    assert all(re.fullmatch(r"\$\{\w+:\?set it in \.env\}", password) for password in passwords)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert "**/.env" in ignored, "the file with the passwords would be part of the image"


def test_the_server_is_of_the_version_that_the_tests_run(tmp_path: Path) -> None:
    """Every statement of the history was run on the embedded engine; the server's image is of its version."""
    with open_history(tmp_path / "history") as history:
        version = str(history.rows("SELECT version() AS version")[0]["version"])
    image = compose()["services"]["clickhouse"]["image"]
    assert image == f"clickhouse/clickhouse-server:{'.'.join(version.split('.')[:2])}"
