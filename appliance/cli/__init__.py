"""The command line: one module a role, no logic of its own."""
