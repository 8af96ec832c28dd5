"""Keep the projection in step with the store: reconciling, drift, mirrors, the recycle bin."""
