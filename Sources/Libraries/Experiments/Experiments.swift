// Experiments: see Documentation/Architecture.md.
