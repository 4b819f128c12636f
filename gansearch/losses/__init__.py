"""Losses and penalties as functions of tensors."""
