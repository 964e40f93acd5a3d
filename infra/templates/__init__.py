"""Templates of homes, each a folder of files that a person may then change; `infra.initialising` copies."""
