"""Waiting lists for sold-out events: stock, order, holds and an order that anyone can audit."""

__version__ = "1.0.0"
