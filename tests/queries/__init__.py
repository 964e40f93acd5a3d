"""What the history answers, on the real engine: rows in, answers out."""
