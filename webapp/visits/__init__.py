"""Follow-ups by any channel, their schedule, and their photos."""
