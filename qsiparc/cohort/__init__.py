"""A whole study: from a QSIRecon tree to one archive."""
