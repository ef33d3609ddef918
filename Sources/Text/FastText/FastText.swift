// FastText: see Documentation/Architecture.md.
