"""Streams: the log and its adapters, the engine that decides, and the runners that drive it."""
