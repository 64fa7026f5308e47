"""The daily proof: everything that Huntress lists is laid beside our books."""
