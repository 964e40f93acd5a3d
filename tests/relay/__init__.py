"""Tests of the command side on Kafka."""
