"""What is done with one allocation after its rule is loaded: granted, released in parts, adjusted."""
