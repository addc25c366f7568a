"""Bulk: millions of logged records to one table."""
