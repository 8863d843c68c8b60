"""The REST door: /api/v1 over the verbs."""
