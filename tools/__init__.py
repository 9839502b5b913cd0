"""What builds, sets up and checks Suivi; nothing here is needed while it runs."""
