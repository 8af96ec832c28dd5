"""Keep the projection in step with the store: reconciling, drift, unfinished mirrors."""
