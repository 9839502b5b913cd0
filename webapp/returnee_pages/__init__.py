"""What a returnee sees and says, by code and PIN."""
