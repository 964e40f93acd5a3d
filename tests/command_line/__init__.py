"""The command line as people and programs use it: every command in a process of its own."""
