"""The measurements behind docs/benchmarks.md.

`python -m benchmarks` runs each in a process of its own and rewrites the figures in the page; a single one
runs as `python -m benchmarks.engine`. Every one prints one line of JSON for each figure (`figure.Figure`).
"""
