// Apus: see Documentation/Architecture.md.
