// ApusTensor: see Documentation/Architecture.md.
