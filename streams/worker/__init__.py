"""The worker: decides the signals of many sites, partition by partition, and commits what it decided.

`admission` and `partition` are pure: bytes with their offsets in, events out, no clock, broker or thread.
`owner` drives one partition along a log, `app` is the Faust application around it.
"""
