"""Looking at the store of a sweep: how far it is, what it holds, where that comes from, and other formats of it."""
