"""Detectors: one file each. `detectors.registry` finds them; see CONTRIBUTING.md to add one."""
