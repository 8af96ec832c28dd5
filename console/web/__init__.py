"""What every page uses: middleware, error pages, htmx, lists and forms."""
