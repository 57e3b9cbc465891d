"""The ground that runs stand on: devices, provenance, progress."""
