"""Kafka as the log: topics, the connectors' producer, the adapter of the log's port, and reading in bulk.

`settings` says where and how; `topics` names what there is; `headers` is what stands beside each message;
`producer` writes signals; `log` is the `streams.log.Log`; `reader` reads ranges in large batches.
"""
