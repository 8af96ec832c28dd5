"""What every page uses: middleware, error pages, htmx, lists, tables and forms."""
