"""The command line's commands: what is typed, and how an answer is shown.

Each module holds one family. Nothing but typer is imported at the top of any of them, so that
`limen --help` is quick; the answers themselves come from `infra.answers`.
"""
