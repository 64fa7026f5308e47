"""The version of the product; the package's metadata read it here."""

__version__ = "0.1.0"
