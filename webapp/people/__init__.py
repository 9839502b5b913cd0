"""Staff, offices, roles, sign-in, sessions, and the phones they enrol."""
