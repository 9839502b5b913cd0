"""Payment requests: asked by an officer, approved by another, paid by a third, delivered, confirmed and closed."""
