// Evaluation: see Documentation/Architecture.md.
