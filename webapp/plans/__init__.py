"""The reintegration plan: what somebody wants to reach, by which steps and with what money; in versions that are approved."""
