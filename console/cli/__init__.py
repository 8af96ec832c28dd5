"""The framework of management commands: who acts, which scope, prompts and exit codes."""
