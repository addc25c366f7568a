"""Uploads: files that are streamed to the storage behind signed URLs. Performs no I/O, but for looking at the file."""
