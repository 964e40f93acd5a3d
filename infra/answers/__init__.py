"""The answers: functions of an open home and JSON-able arguments that return something JSON-able.

They run in the process that owns the home, be it the command itself or a `run` that was asked.
"""
