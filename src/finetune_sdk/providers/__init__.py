"""The providers: their interface (`base`), the register of entry points, and a folder each."""
