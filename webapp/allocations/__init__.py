"""Donors, allocations and their ledger."""
