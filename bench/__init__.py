"""What Suivi costs, measured here and now, beside its budgets. Nothing is asserted: tests assert what repeats exactly."""
