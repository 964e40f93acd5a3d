"""The history's schema and sink, on the real engine."""
