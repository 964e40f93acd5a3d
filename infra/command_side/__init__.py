"""The command side: applications that take what people order, keep it, and bring it into the signals log.

An application (`cases`) is an `eventsourcing` application over aggregates of `domain.commands`, kept in
SQLite or PostgreSQL (`storage`). What was decided enters the signals log as control signals, each exactly
once (`relay`).
"""
