"""Circuits whose activity is phases: oscillators that pull one another into step."""
