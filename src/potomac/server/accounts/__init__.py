"""People: sign-in, roles, tokens, the audit log."""
