"""Alerts: what a person must look at, and how it reaches their phone."""
