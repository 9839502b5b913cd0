"""Sealed work carried here by hand, as a file, because its phone finds no network."""
