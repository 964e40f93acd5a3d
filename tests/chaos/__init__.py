"""Chaos: a city's signals flow through real processes, killed at random; then everything is counted."""
