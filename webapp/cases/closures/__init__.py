"""The end of an accompaniment: asked by who follows it, signed off by a second person, reopened when need be."""
