"""The sealed payload: HPKE and recipients, Cobblestone, segments, and the stored form of chunks."""
