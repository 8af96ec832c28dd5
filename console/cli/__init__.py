"""The framework of management commands: actor, scope, prompts and exit codes."""
