"""Fine-tune at Inkwell with finetune-anywhere."""
