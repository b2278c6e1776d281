"""The engine: waiting lists, their order, holds and stock."""
