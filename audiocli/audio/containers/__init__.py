"""What a file is, told from its bytes: one module for each family of formats."""
