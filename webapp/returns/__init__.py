"""The return procedure, from the first contact to the arrival, and its interruption."""
