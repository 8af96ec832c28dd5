"""Second factors: who has them, how they are checked, and recovery codes."""
