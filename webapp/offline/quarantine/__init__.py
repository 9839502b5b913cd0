"""Work that a phone or a person cut off still delivered: a manager looks, takes it in, or two throw it away."""
