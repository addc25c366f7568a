"""Catalogs: what the vendors' codes, messages and statuses mean, as data.

`Catalogs` holds all of them; `default_catalogs` gives the shipped ones, loaded once when first needed.
"""

from heify_heygen_errors.catalog.entries import CatalogEntry, Endpoint, Limit, Refinement, Rule
from heify_heygen_errors.catalog.loading import Catalogs, default_catalogs
from heify_heygen_errors.catalog.space import Space

__all__ = ["CatalogEntry", "Catalogs", "Endpoint", "Limit", "Refinement", "Rule", "Space", "default_catalogs"]
