"""Psychosocial check-ins: instruments as data files, their scoring, and red flags."""
