"""Events, representations, offers and stock: what there is to wait for."""
