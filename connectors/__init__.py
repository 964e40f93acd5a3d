"""Connectors: one module per vendor, protocol or file format; each reads signals."""
