"""The phones people work with: how they are, and how a lost one is cut off."""
