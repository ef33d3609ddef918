// HTML: see Documentation/Architecture.md.
