"""Keep the projection in step with the store: reconciling, drift, mirrors, and the bin's upkeep."""
