"""The command line's commands: what is typed, and how an answer is shown.

Each module holds one family. At the top of any of them only typer is imported, the standard library, and
what is as light (`asking`, `options`, `infra.failure`), so that `limen --help` is quick; the answers
themselves come from `infra.answers`.
"""
