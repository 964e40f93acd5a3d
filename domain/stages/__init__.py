"""The stages that decide, one file each, in the order of `docs/rules.md` section 2."""
