"""The dashboards' user on a ClickHouse server: what it may do is what the gateway's reader may.

Its profile, role, grant and user are one SQL file each, run in order; each may be run again. An embedded
engine has no such users: there the gateway holds its reader by itself (`projections.gateway`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from projections.cluster import on_cluster, quoted

if TYPE_CHECKING:
    from projections.client import History

_FOLDER: Final = Path(__file__).parent / "access"
_PASSWORD: Final = "{password:String}"


def reader_sql(cluster: str | None = None, password: str | None = None) -> list[str]:
    """Return the statements.

    Args:
        cluster: for the cluster of this name; None: for a single server.
        password: of the user; None: it is left open, as the parameter `password`.
    """
    statements = [path.read_text("utf-8") for path in sorted(_FOLDER.glob("*.sql"))]
    if password is not None:
        # Not sent as a parameter: those stand in a request's address, which servers and proxies write down.
        statements = [statement.replace(_PASSWORD, quoted(password)) for statement in statements]
    if cluster is None:
        return statements
    return [made for statement in statements for made in on_cluster(statement, cluster)]


def make_reader(history: "History", password: str) -> None:
    """Make the user on the history's server, or renew its rights, bounds and password.

    Raises:
        HistoryError: the server refused, for who asks must be allowed to make users, or it is none.
    """
    for statement in reader_sql(history.cluster, password):
        history.run(statement)
