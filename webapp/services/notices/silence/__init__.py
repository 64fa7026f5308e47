"""Silence: tickets nobody touches, events nobody was told of, people told nothing any more."""
