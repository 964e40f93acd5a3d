"""The log in Kafka, with a real broker: the port's contract, owners, outages, and what only Kafka does."""
