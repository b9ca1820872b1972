"""finetune_sdk"""
