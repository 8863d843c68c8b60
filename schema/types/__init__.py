"""Domain records in Strawberry's dress, and the edges between them."""
