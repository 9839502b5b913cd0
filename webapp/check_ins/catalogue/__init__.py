"""The instruments of an installation: which there are, where they are given, and how new versions come in."""
