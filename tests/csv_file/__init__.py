"""CSV files become signals; whatever is odd is set aside with its reason and nothing is lost."""
