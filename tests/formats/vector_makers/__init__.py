"""Makes the test vectors in tests/formats/vectors: one module for each kind, `python -m` for all of them.

Keys, identifiers, plaintexts and times follow from names, so they are the same in every run. What the
libraries draw themselves (certificate serials and signatures, HPKE encapsulations, payload salts) is not.
"""
