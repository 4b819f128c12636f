"""What players minimise: adversarial pairs and penalties, functions of tensors alone."""
