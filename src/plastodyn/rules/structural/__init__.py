"""Rules that change who is connected with whom: events on the graph of a sparse circuit."""
