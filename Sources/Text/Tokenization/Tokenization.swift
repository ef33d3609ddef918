// Tokenization: see Documentation/Architecture.md.
