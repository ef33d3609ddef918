// Compression: see Documentation/Architecture.md.
