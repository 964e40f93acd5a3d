"""Projections: the ClickHouse history: schema, sink and queries.

`projections.client.open_history` opens it and brings its schema up to date; `projections.sink.Sink` fills
it from the log, each signal and event exactly once; the other modules each answer one family of questions.
Importing any of them is cheap: the engine is loaded when a history is opened.
"""
