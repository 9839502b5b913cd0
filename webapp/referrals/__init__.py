"""Referrals: a returnee is sent to a service provider, and what came of it."""
