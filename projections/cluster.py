"""The schema's statements for a cluster, from the same SQL files as for a single server.

| in the file | on a cluster |
|---|---|
| a table with a column `site` | `t_local`, replicated, on every shard, and `t`, Distributed over it by site |
| any other MergeTree table | `t`, replicated to every server: all of them have all of it |
| a Null table, a view, a database, who may read | the same, on every server |

So views, queries and the sink say `t` everywhere, and all rows of a site are on one shard. The servers need
the macros `shard` and `replica`, and Keeper for replication and `ON CLUSTER`.
"""

import re
from typing import Final

from projections.errors import HistoryError

_TABLE: Final = re.compile(
    r"(?P<create>CREATE TABLE IF NOT EXISTS )(?P<name>\w+)\n(?P<columns>\(.*\n\)\n)", re.S
)
_ENGINE: Final = re.compile(r"^ENGINE = (?P<kind>\w*MergeTree)(?:\((?P<arguments>.*)\))?$", re.M)
_NULL: Final = re.compile(r"^ENGINE = Null$", re.M)
_ANYWHERE: Final = re.compile(
    r"^CREATE (?:OR REPLACE VIEW|MATERIALIZED VIEW IF NOT EXISTS|DATABASE IF NOT EXISTS"
    r"|SETTINGS PROFILE OR REPLACE|ROLE IF NOT EXISTS|USER OR REPLACE) [\w.]+"
    r"|^ALTER TABLE [\w.]+(?= MODIFY SQL SECURITY )|^GRANT(?= )",
    re.M,
)
_BY_SITE: Final = re.compile(r"^ +site ", re.M)
_PATH: Final = "/clickhouse/tables/{uuid}"


def on_cluster(statement: str, cluster: str) -> list[str]:
    """Return the statements that do on a cluster what this one of the schema does on a single server.

    >>> for made in on_cluster("CREATE OR REPLACE VIEW pub.doors AS SELECT 1", "city"): print(made)
    CREATE OR REPLACE VIEW pub.doors ON CLUSTER 'city' AS SELECT 1

    Raises:
        HistoryError: it is none of the forms above.
    """
    where = f" ON CLUSTER {quoted(cluster)}"
    table, engine = _TABLE.search(statement), _ENGINE.search(statement)
    if table is None:
        start = _ANYWHERE.search(statement)
        if start is None:
            raise HistoryError(
                "this statement has no form for a cluster, see projections/cluster.py: "
                f"{statement.strip()[:80]!r}"
            )
        return [statement[: start.end()] + where + statement[start.end() :]]
    name = table["name"]
    if engine is None:
        if _NULL.search(statement) is None:
            raise HistoryError(f"table {name}: only MergeTree engines and Null have a form on a cluster")
        return [statement[: table.end("name")] + where + statement[table.end("name") :]]
    sharded = _BY_SITE.search(table["columns"]) is not None
    stored = f"{name}_local" if sharded else name
    path, replica = (f"{_PATH}/{{shard}}", "{replica}") if sharded else (f"{_PATH}/all", "{shard}_{replica}")
    arguments = [f"'{path}'", f"'{replica}'", *([engine["arguments"]] if engine["arguments"] else [])]
    made = (
        statement[: table.start("name")]
        + stored
        + where
        + statement[table.end("name") : engine.start()]
        + f"ENGINE = Replicated{engine['kind']}({', '.join(arguments)})"
        + statement[engine.end() :]
    )
    if not sharded:
        return [made]
    return [
        made,
        f"CREATE TABLE IF NOT EXISTS {name}{where} AS {stored}\n"
        f"ENGINE = Distributed({quoted(cluster)}, currentDatabase(), {stored}, cityHash64(site))\n",
    ]


def quoted(name: str) -> str:
    r"""Return a name as a text in SQL.

    >>> print(quoted("it's"))
    'it\'s'
    """
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
