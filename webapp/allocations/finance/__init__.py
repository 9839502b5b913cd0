"""What finance works with: what is to be paid, what was paid, files for the agency's system and back from it."""
