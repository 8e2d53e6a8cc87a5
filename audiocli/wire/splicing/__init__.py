"""Bodies that pass by: what matters in them is found, and changed, without parsing them whole."""
