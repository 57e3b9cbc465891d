"""Everything that this library can say of a trained network, in one pass over its data, whatever library it is written in."""
