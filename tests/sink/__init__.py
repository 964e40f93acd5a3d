"""The sink at scale: claims, many sites in one history, a cluster's schema, and `limen sink` itself."""
