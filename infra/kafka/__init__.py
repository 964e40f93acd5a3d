"""A real broker on this machine, for tests and demonstrations: KRaft, one node, plain text, on loopback.

`python -m infra.kafka DIR` runs one in the foreground.
"""
