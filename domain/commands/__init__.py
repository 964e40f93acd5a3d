"""What people decide: aggregates that take commands, hold them against their rules, and remember them.

Each is an `eventsourcing` aggregate with explicit topics. A command is a method; the time is handed in. What
was decided enters the signals log as a control signal, whose body is the event's `decision()` (rules 12.3).
"""
