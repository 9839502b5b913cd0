"""Returnees, their cases, the timeline, and the intake of referral lists."""
