"""The pump of one partition, over an owner that fails as a log does."""
