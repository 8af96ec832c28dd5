"""The search: its page, its results as a fragment, and what each result says and leads to."""
