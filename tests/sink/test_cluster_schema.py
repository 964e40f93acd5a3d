"""The schema on a cluster: the same files in its forms. The engine parses the SQL; no cluster is run."""

import re

import pytest
from typer.testing import CliRunner

from infra.cli import app
from projections.client import History
from projections.cluster import on_cluster
from projections.errors import HistoryError
from projections.schema import ddl, migrations
from tests.history_fixture import history

__all__ = ["history"]

TABLE = """\
-- What passed.
CREATE TABLE IF NOT EXISTS passed
(
    partition UInt16,
    site LowCardinality(String),
    INDEX by_partition partition TYPE minmax
)
ENGINE = ReplacingMergeTree(partition)
ORDER BY (site, partition)
SETTINGS fsync_after_insert = 1
"""


def test_a_table_of_sites_is_sharded_by_site() -> None:
    """It becomes a replicated local table and a Distributed one over it, under the name the queries use."""
    local, distributed = on_cluster(TABLE, "city")
    assert local == TABLE.replace("passed\n(", "passed_local ON CLUSTER 'city'\n(").replace(
        "ReplacingMergeTree(partition)",
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', partition)",
    )
    assert distributed == (
        "CREATE TABLE IF NOT EXISTS passed ON CLUSTER 'city' AS passed_local\n"
        "ENGINE = Distributed('city', currentDatabase(), passed_local, cityHash64(site))\n"
    )


def test_a_table_without_sites_is_everywhere() -> None:
    """What is of a partition, not of a site, is replicated whole to every server."""
    [everywhere] = on_cluster(TABLE.replace("    site LowCardinality(String),\n", ""), "city")
    assert "passed ON CLUSTER 'city'" in everywhere
    assert "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/all', '{shard}_{replica}'" in everywhere


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE a ADD COLUMN b Int8", TABLE.replace("ReplacingMergeTree", "Log")]
)
def test_a_statement_without_a_form_is_refused(statement: str) -> None:
    """A migration that a cluster would not get is an error, not left out."""
    with pytest.raises(HistoryError, match="cluster"):
        on_cluster(statement, "city")


def test_every_statement_parses(history: History) -> None:
    """The engine's parser takes every statement of the cluster's schema, each one of them ON CLUSTER."""
    statements = [made for migration in migrations() for made in migration.statements("city")]
    for statement in statements:
        assert history.rows(f"EXPLAIN AST {statement}"), statement
        assert statement.count("ON CLUSTER 'city'") == 1, statement
    published = re.findall(r"^ALTER TABLE (pub.\w+) (.*);$", ddl("city"), re.M)
    assert {view for view, _ in published} == set(re.findall(r"VIEW (pub.\w+)", ddl()))
    for view, rest in published:
        assert rest.startswith("ON CLUSTER 'city' MODIFY SQL SECURITY DEFINER ")
        assert history.rows(f"EXPLAIN AST ALTER TABLE {view} {rest}")
    kept = re.compile(r"^ENGINE = (?!Replicated|Distributed|Null)", re.M)
    assert [statement for statement in statements if kept.search(statement)] == []


def test_everything_asked_for_is_there_on_a_cluster() -> None:
    """Every table and view of a single server keeps its name; tables of sites have a local one too."""
    name = re.compile(r"^CREATE .*?(?:TABLE|VIEW)(?: IF NOT EXISTS)? ([\w.]+)", re.M)
    single, cluster = set(name.findall(ddl())), set(name.findall(ddl("city")))
    assert single <= cluster
    assert all(extra.removesuffix("_local") in single for extra in cluster - single)
    assert {"signals_local", "events_local", "moves_local", "presence_local"} <= cluster
    assert not {"claims_local", "committed_local", "checkpoints_local", "signals_in_local"} & cluster


def test_the_schema_can_be_printed() -> None:
    """`limen history ddl` prints what a single server runs, with --cluster what a cluster does."""
    run = CliRunner()
    assert run.invoke(app, ["history", "ddl"]).stdout == ddl()
    assert run.invoke(app, ["history", "ddl", "--cluster", "city"]).stdout == ddl("city")
