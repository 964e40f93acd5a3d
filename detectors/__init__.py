"""Detectors: one file each. `detectors.registry` lists them; see CONTRIBUTING.md to add one."""
