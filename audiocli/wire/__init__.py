"""Pure translation between the vocabulary and what goes over the network, in both directions. No I/O."""
