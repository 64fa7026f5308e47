"""Within what time tickets should be touched and closed, and the opening hours it counts in."""
