"""Environment variables: commands, planning, saving, history, bulk changes and queries."""
