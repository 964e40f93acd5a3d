"""What Limen means: signals, events, the site, its policy, and the stages that decide.

Pure: nothing in this package reads a clock, a file, a socket or a random number, and it imports no
other package of the project. `docs/rules.md` states every rule that the stages implement.
"""
