"""What an operator sees of a running process: metrics, health, and log lines that can be followed."""
