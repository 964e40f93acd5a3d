"""Infra: the command line, settings and wiring."""
