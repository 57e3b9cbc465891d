"""Layered circuits: students and teachers, nonlinear and linear, and what is made of them."""
