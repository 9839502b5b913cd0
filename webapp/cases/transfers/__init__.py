"""Handing cases on: to another officer of the office at once, to another office when its manager accepts."""
