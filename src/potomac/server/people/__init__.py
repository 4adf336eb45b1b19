"""The door: sign in and out, passwords, tokens, the own account, and the administration of people."""
