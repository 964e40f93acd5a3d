"""The gateway: the embedded history, served in ClickHouse's HTTP protocol.

What speaks to a ClickHouse server over HTTP (clickhouse-connect, the Go driver of Grafana's data source,
curl) speaks to it. Two users: the writer, who may do everything to the history's own tables, and the reader,
who may read what dashboards may see (`projections.gateway.reading`). Every request has an engine handle of
its own (`projections.gateway.session`), so no request sees another's settings, role or database.
"""
